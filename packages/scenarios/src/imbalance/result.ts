/** What the imbalance came to. Null is what cannot be known where it ran. */
import type { RanOn, Unknown } from '../settings.ts';
import type { EncapsulationName } from './encapsulations.ts';

export interface Spread<R extends RanOn = RanOn> {
  readonly cpus: readonly number[];
  /** Frames that the stack got on each of `cpus`; on the kernel those that its kthreads took. */
  readonly delivered: readonly number[];
  /** Of these shares. */
  readonly jain: number;
  /** RX queues that frames came in on. */
  readonly queuesUsed: number | Unknown<R>;
  readonly missed: number | Unknown<R>;
  readonly queueFull: number;
  /** Frames that the program dropped, or could not redirect. */
  readonly refused: number | Unknown<R>;
  readonly outOfOrder: number;
  /** Delivered frames per second, from the first frame to the end of the last. */
  readonly deliveredPerSecond: number;
}

export interface ImbalanceRun<R extends RanOn = RanOn> {
  readonly encapsulation: EncapsulationName;
  readonly description: string;
  readonly program: string;
  readonly offered: number;
  /** Null on the kernel: a veth pair has no RSS. */
  readonly before: Spread<R> | Unknown<R>;
  readonly after: Spread<R>;
}

export type ImbalanceResult<R extends RanOn = RanOn> = R & {
  readonly scenario: 'imbalance';
  readonly cpus: number;
  readonly rxQueues: number;
  readonly flows: number;
  /** undefined: as fast as they are taken. */
  readonly rate: number | undefined;
  readonly runs: readonly ImbalanceRun<R>[];
};
