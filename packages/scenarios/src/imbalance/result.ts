/** What the imbalance came to. Null is what cannot be known where it ran. */
import type { RanOn } from '../settings.ts';
import type { EncapsulationName } from './encapsulations.ts';

export interface Spread {
  readonly cpus: readonly number[];
  /** Frames that the stack got on each of `cpus`; on the kernel those that its kthreads took. */
  readonly delivered: readonly number[];
  /** Of these shares. */
  readonly jain: number;
  /** RX queues that frames came in on. */
  readonly queuesUsed: number | null;
  readonly missed: number | null;
  readonly queueFull: number;
  /** Frames that the program dropped, or could not redirect. */
  readonly refused: number | null;
  readonly outOfOrder: number;
  /** Delivered frames per second, from the first frame to the end of the last. */
  readonly deliveredPerSecond: number;
}

export interface ImbalanceRun {
  readonly encapsulation: EncapsulationName;
  readonly description: string;
  readonly program: string;
  readonly offered: number;
  /** Null on the kernel: a veth pair has no RSS. */
  readonly before: Spread | null;
  readonly after: Spread;
}

export type ImbalanceResult = RanOn & {
  readonly scenario: 'imbalance';
  readonly cpus: number;
  readonly rxQueues: number;
  readonly flows: number;
  /** undefined: as fast as they are taken. */
  readonly rate: number | undefined;
  readonly runs: readonly ImbalanceRun[];
};
