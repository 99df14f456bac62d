/** What a load that goes up and down came to. Null is what cannot be known where it ran. */
import type { RanOn, Unknown } from '../settings.ts';
import type { LoadName } from './loads.ts';
import type { Interval } from './record.ts';

export interface AutoscaleRun<R extends RanOn = RanOn> {
  readonly offered: number;
  /** To the stack; on the kernel what the programs in the entries passed on to it. */
  readonly delivered: number;
  readonly missed: number | Unknown<R>;
  readonly queueFull: number;
  readonly outOfOrder: number | Unknown<R>;
  /** Times that the active set changed. */
  readonly changes: number;
  /** Seconds of remote CPUs that were in use. */
  readonly cpuSecondsInUse: number;
  /** Seconds that remote CPUs worked, by the cost set. */
  readonly cpuSecondsWorked: number | Unknown<R>;
  /** Sleeping kthreads that were woken. */
  readonly wakeups: number | Unknown<R>;
  readonly mostDepth: number;
  readonly intervals: readonly Interval<R>[];
}

export type AutoscaleResult<R extends RanOn = RanOn> = R & {
  readonly scenario: 'autoscale';
  readonly load: LoadName;
  readonly cpus: number;
  readonly rxQueues: number;
  readonly remoteCpus: readonly number[];
  /** Frames per second, measured before the runs: what one remote CPU takes. */
  readonly capacity: number;
  /** Frames per second at the peak. */
  readonly peak: number;
  readonly seconds: number;
  readonly intervalNs: number;
  readonly controlled: AutoscaleRun<R>;
  readonly allOn: AutoscaleRun<R>;
};
