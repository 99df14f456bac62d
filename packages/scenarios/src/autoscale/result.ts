/** What a load that goes up and down came to. Null is what cannot be known where it ran. */
import type { RanOn } from '../settings.ts';
import type { LoadName } from './loads.ts';
import type { Interval } from './record.ts';

export interface AutoscaleRun {
  /** To the stack; on the kernel what the programs in the entries passed on to it. */
  readonly delivered: number;
  readonly missed: number | null;
  readonly queueFull: number;
  readonly outOfOrder: number | null;
  /** Times that the active set changed. */
  readonly changes: number;
  /** Seconds of remote CPUs that were in use. */
  readonly cpuSecondsInUse: number;
  /** Seconds that remote CPUs worked, by the cost set. */
  readonly cpuSecondsWorked: number | null;
  /** Sleeping kthreads that were woken. */
  readonly wakeups: number | null;
  readonly mostDepth: number;
  readonly intervals: readonly Interval[];
}

export type AutoscaleResult = RanOn & {
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
  readonly offered: number;
  readonly controlled: AutoscaleRun;
  readonly allOn: AutoscaleRun;
};
