/** A snapshot's counters as the dashboard wants them: what both backends have in common. */
import type { CpuCounters } from '@cpumap/dashboard';
import type { Snapshot } from '../snapshot.ts';

/** @param delivered frames that the stack got from a CPU's kthread, null where that is not known */
export function cpuCounters(
  { statistics, rx, depths }: Snapshot,
  takesPart: (cpu: number) => boolean,
  delivered: (index: number) => number | null,
): CpuCounters[] {
  return statistics.cpus.flatMap(({ cpu, trace }, index): CpuCounters[] => {
    const enqueue = trace.enqueue.flatMap(({ processed, drops, events }, to) =>
      events > 0 ? [{ to, processed, drops, events }] : [],
    );
    const record = rx?.[index];
    const idle = (record?.processed ?? 0) === 0 && enqueue.length === 0 && trace.kthread.events === 0;
    if (idle && !takesPart(cpu)) return [];
    const { processed, events, sched, xdpDrop, xdpRedirect } = trace.kthread;
    return [
      {
        cpu,
        rx: record === undefined ? null : { processed: record.processed, dropped: record.dropped },
        redirectErrors: trace.redirectErr,
        enqueue,
        kthread: { processed, events, sched, xdpDrop, xdpRedirect },
        delivered: delivered(index),
        depth: depths.get(cpu) ?? null,
      },
    ];
  });
}
