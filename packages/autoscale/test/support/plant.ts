/** A backend that is only statistics: CPUs of a true capacity under a load, spread by an indirection table. */
import type { Backend, BackendStatistics } from '@cpumap/host';
import type { Steering } from '../../src/index.ts';
import { assignSlots } from '../../src/slots.ts';

export interface Plant {
  readonly backend: Backend;
  readonly steering: Pick<Steering, 'cpus' | 'setActive' | 'settle'>;
  /** One second at a load, in frames. */
  run(load: number): void;
}

const SLOTS = 256;

/** @param weights how much of the load each of the table's slots gets; all the same when it is left out */
export function createPlant(nrCpus: number, capacity: number, weights = new Array<number>(SLOTS).fill(1)): Plant {
  const cpus = Array.from({ length: nrCpus }, (_, cpu) => cpu);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = cpus.map(() => ({ enqueued: 0, drops: 0, processed: 0, sched: 0 }));
  let table: readonly (number | undefined)[] = new Array(SLOTS).fill(undefined);
  let seconds = 0;
  const statistics = (): BackendStatistics => ({
    timestampNs: seconds * 1e9,
    devices: [],
    cpus: cpus.map((cpu) => ({
      cpu,
      trace: {
        redirect: 0,
        redirectErr: 0,
        exception: 0,
        kthread: {
          events: 0,
          processed: counts[cpu]!.processed,
          drops: 0,
          sched: counts[cpu]!.sched,
          xdpPass: 0,
          xdpDrop: 0,
          xdpRedirect: 0,
        },
        // CPU 0 receives
        enqueue: cpus.map((to) => {
          const { enqueued, drops } = counts[to]!;
          return cpu === 0
            ? { processed: enqueued, drops, events: Math.ceil(enqueued / 8) }
            : { processed: 0, drops: 0, events: 0 };
        }),
        errnos: new Map<number, number>(),
      },
    })),
  });
  return {
    backend: { statistics } as Partial<Backend> as Backend,
    steering: {
      cpus,
      setActive(active) {
        table = assignSlots(table, active);
      },
      settle() {},
    },
    run(load) {
      seconds++;
      for (const cpu of cpus) {
        const share = weights.reduce((sum, weight, slot) => (table[slot] === cpu ? sum + weight : sum), 0);
        const offered = (load * share) / whole;
        const taken = Math.min(offered, capacity);
        const count = counts[cpu]!;
        count.enqueued += offered;
        count.processed += taken;
        count.drops += offered - taken;
        count.sched += taken < capacity * 0.95 ? taken / 16 : 0;
      }
    },
  };
}
