/** What a flood came to. Null is what cannot be known where it ran. */
import type { CpuTime } from '../cpu-time.ts';
import type { RanOn, Unknown } from '../settings.ts';

export interface DdosRun<R extends RanOn = RanOn> {
  readonly rxQueues: number;
  readonly rxCpus: readonly number[];
  readonly remoteCpus: readonly number[];
  readonly offered: number;
  readonly offeredLegitimate: number;
  /** Null on the kernel: test runs come from no hardware. */
  readonly missed: number | Unknown<R>;
  readonly filtered: number;
  readonly queueFull: number;
  readonly deliveredLegitimate: number;
  /** Frames that the stack got and that are none of the capture's: what the filter let through. */
  readonly deliveredOther: number;
  /** Of RX and remote CPUs, in this order. Null on the kernel, which does not count by stage. */
  readonly cpuTime: readonly CpuTime[] | Unknown<R>;
}

export type DdosResult<R extends RanOn = RanOn> = R & {
  readonly scenario: 'ddos';
  readonly cpus: number;
  /** Frames per second that were offered; on the kernel those of the flood that one RX CPU took. */
  readonly rate: number;
  /** Of one RX CPU, measured before the runs; undefined when the rate was given, or is the default of virtual CPUs. */
  readonly rxCpuTakes: number | undefined;
  readonly seconds: number;
  /** Different legitimate frames that the capture gave. */
  readonly captureFrames: number;
  readonly runs: readonly DdosRun<R>[];
};
