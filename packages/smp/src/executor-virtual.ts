/**
 * The virtual executor: all CPUs in one thread, on a virtual clock.
 *
 * Each CPU has a time at which its next turn starts. The earliest goes next; a turn moves its CPU's time forward by what
 * the turn cost, varied by up to an eighth by the seed, so that different seeds give different interleavings and one seed
 * always gives the same. A turn is atomic: CPUs interleave between turns, not inside.
 */
import { KernelError } from '@cpumap/uapi';
import type { Clock } from './clock.ts';
import type { CpuFailure, CpuRuntime, Executor } from './executor.ts';
import type { Machine } from './machine.ts';
import { createPrng } from './prng.ts';
import { createSchedule } from './schedule.ts';

/** What time passes for, in virtual nanoseconds. */
export interface VirtualCosts {
  /** From the kick of a sleeping CPU to its first turn. */
  readonly wake: number;
  /** What a turn that has just ended cost; a whole number. `work` is the number of frames that its tasks handled. */
  ofTurn(cpu: number, work: number): number;
}

/** 200 ns a turn and 85 a frame: about the 11 M frames/s that one CPU was said to redirect in 2017. */
export const PLAIN_COSTS: VirtualCosts = { wake: 2000, ofTurn: (_, work) => 200 + work * 85 };

/** What a turn costs on average beside `ofTurn`, as the seed adds up to an eighth. */
export const MEAN_VARIATION = 1 + 1 / 16;
/** CPUs take their first turns within this long. */
const START_WITHIN_NS = 200;

/** Real milliseconds after which `advance` lets the event loop run, so that signals and timers are heard. */
const SLICE_MS = 8;
const TURNS_PER_CHECK = 64;
const MAX_TURNS_WAITING = 10_000_000;
const NEVER = Number.POSITIVE_INFINITY;

/** Makes the virtual CPUs' clock and kick hook first: the machine and the runtimes are built with them. */
export function createVirtualTime(nrCpus: number, costs: VirtualCosts = PLAIN_COSTS) {
  const schedule = createSchedule(nrCpus);
  let now = 0;
  return {
    costs,
    schedule,
    clock: { now: () => now } satisfies Clock,
    setNow(ns: number) {
      if (ns > now) now = ns;
    },
    onKick(cpu: number) {
      schedule.set(cpu, Math.min(schedule.at(cpu), now + costs.wake));
    },
  };
}
export type VirtualTime = ReturnType<typeof createVirtualTime>;

export function createVirtualExecutor(
  machine: Machine,
  time: VirtualTime,
  runtimes: readonly CpuRuntime[],
  seed: number,
): Executor {
  const { schedule, costs, clock } = time;
  const prng = createPrng(seed);
  const failures: CpuFailure[] = [];
  let closed = false;
  for (let cpu = 0; cpu < machine.nrCpus; cpu++) {
    machine.setAsleep(cpu, true); // between turns, and the host only ever acts between turns, every CPU is quiet
    schedule.set(cpu, prng.below(START_WITHIN_NS));
  }

  /** One turn of the earliest CPU, unless that would start at or after `limit`. */
  function step(limit: number): boolean {
    const cpu = schedule.first();
    const at = schedule.at(cpu);
    if (at >= limit) return false;
    time.setNow(at);
    schedule.set(cpu, NEVER); // a kick during the turn, by anybody, brings it back
    const { loop } = runtimes[cpu]!;
    const work = loop.turn();
    const kickedAt = schedule.at(cpu);
    const cost = costs.ofTurn(cpu, work);
    const end = clock.now() + cost + prng.below((cost >> 3) + 1);
    schedule.set(cpu, work > 0 ? end : kickedAt !== NEVER ? Math.max(end, kickedAt) : end + loop.dueIn());
    return true;
  }

  return {
    kind: 'virtual',
    clock,
    failures,
    command: async (cpu, command) => runtimes[cpu]!.handle(command),
    waitFor(what, condition) {
      if (condition()) return;
      for (const { loop } of runtimes) loop.takeInbox();
      for (let turns = 0; !condition(); turns++) {
        if (turns > MAX_TURNS_WAITING || !step(NEVER)) {
          throw new KernelError('ETIMEDOUT', what, {
            hint: 'no virtual CPU has anything left to do that could end it',
          });
        }
      }
    },
    async advance(ns, until) {
      const limit = clock.now() + ns;
      let turns = 0;
      let sliceEnd = performance.now() + SLICE_MS;
      while (!closed) {
        if (turns++ % TURNS_PER_CHECK === 0) {
          if (until?.()) return;
          if (performance.now() > sliceEnd) {
            await new Promise(setImmediate);
            sliceEnd = performance.now() + SLICE_MS;
          }
        }
        if (!step(limit)) {
          if (limit !== NEVER) time.setNow(limit);
          return;
        }
      }
    },
    async close() {
      closed = true;
      for (const { loop } of runtimes) loop.close();
    },
  };
}
