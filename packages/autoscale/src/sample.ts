/** What one remote CPU did in one interval, from the counters that every backend keeps. */
import type { BackendStatistics } from '@cpumap/host';

export interface CpuSample {
  readonly cpu: number;
  /** Frames that RX CPUs brought to its ring per second, dropped ones among them. */
  readonly enqueuedPerSecond: number;
  /** Of these, frames that found the ring full, in the whole interval. */
  readonly drops: number;
  /** Frames in a bulk on the way to the ring; 8 is full, 0 when there was none. */
  readonly bulkAverage: number;
  /** Frames that its kthread took per second. */
  readonly processedPerSecond: number;
  /** Turns of its kthread per second before which it slept, or let others run. */
  readonly schedPerSecond: number;
  /** Frames in its ring at the end of the interval, estimated: enqueued - dropped - taken since counting began. */
  readonly depth: number;
}

const NS_PER_SECOND = 1e9;

function countsOf({ cpus }: BackendStatistics, cpu: number) {
  const counts = { enqueued: 0, drops: 0, bulks: 0, processed: 0, sched: 0 };
  for (const { cpu: number, trace } of cpus) {
    const to = trace.enqueue[cpu];
    counts.enqueued += to?.processed ?? 0;
    counts.drops += to?.drops ?? 0;
    counts.bulks += to?.events ?? 0;
    if (number !== cpu) continue;
    counts.processed = trace.kthread.processed;
    counts.sched = trace.kthread.sched;
  }
  return counts;
}

/**
 * One sample for each of `cpus`, in their order. Counts all cpumaps of the backend together.
 * @throws RangeError when no time lies between the two
 */
export function sampleOf(
  before: BackendStatistics,
  after: BackendStatistics,
  cpus: readonly number[] = after.cpus.map(({ cpu }) => cpu),
): CpuSample[] {
  const seconds = (after.timestampNs - before.timestampNs) / NS_PER_SECOND;
  if (!(seconds > 0)) throw new RangeError(`a sample needs an interval, not ${seconds} s`);
  return cpus.map((cpu) => {
    const from = countsOf(before, cpu);
    const to = countsOf(after, cpu);
    const enqueued = to.enqueued - from.enqueued;
    const bulks = to.bulks - from.bulks;
    return {
      cpu,
      enqueuedPerSecond: enqueued / seconds,
      drops: to.drops - from.drops,
      bulkAverage: bulks > 0 ? enqueued / bulks : 0,
      processedPerSecond: (to.processed - from.processed) / seconds,
      schedPerSecond: (to.sched - from.sched) / seconds,
      depth: Math.max(0, to.enqueued - to.drops - to.processed), // counters are read one after the other
    };
  });
}
