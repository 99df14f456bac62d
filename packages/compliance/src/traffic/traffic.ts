/**
 * Frames for the suite: bursts through a subject, and what was seen of them. Numbers that no two machines share (ids,
 * interfaces, processes, times) are replaced by names.
 *
 * Owner  the subject; devices and sockets are its own and end with it.
 */
import type { SubjectMap, SubjectProgram } from '../subject-parts.ts';

/** Where a burst of live frames comes in: on the kernel `lo` of a namespace of the subject's own. */
export const IN = 'in';

export interface Burst {
  readonly program: SubjectProgram;
  /** One frame, received `repeat` times. Up to 64 are one poll. */
  readonly data: Uint8Array;
  /** Default 1. */
  readonly repeat?: number;
  /**
   * The CPU that receives. Default 0. Kthreads of this CPU run only when all frames have been received: what happens to
   * the ring is the same each time then.
   */
  readonly cpu?: number;
  /** A device that receives them in generic mode, each frame by itself, instead of a test run. */
  readonly generic?: TrafficDevice;
  /** Done as soon as the frames were received, before any kthread of this CPU has run. */
  readonly amidst?: () => void;
}

export interface TrafficDevice {
  readonly name: string;
  readonly ifindex: number;
}

/** What was seen of a burst; one line each, with all fields of the event. */
export interface Seen {
  /** Of the programs and maps that frames meet first, in the order in which they fired. */
  readonly events: readonly string[];
  /** Of second programs, and of maps whose name begins with `onward`. */
  readonly onward: readonly string[];
  /** Of devices that send. */
  readonly xmit: readonly string[];
  /** By map and CPU: what its kthread took, batch by batch. Whether it had slept is said of the first alone. */
  readonly batches: Readonly<Record<string, readonly string[]>>;
  /** By map and CPU: the same, added up. */
  readonly sums: Readonly<Record<string, KthreadSums>>;
  /** By flow (frames.ts), in order: what came out of the stack, or out of a device. */
  readonly delivered: Readonly<Record<string, readonly string[]>>;
}

export type KthreadSums = Readonly<Record<'processed' | 'drops' | 'pass' | 'drop' | 'redirect', number>>;

export interface Traffic {
  /** A device that sends what is redirected to it; the same one for the same name. */
  device(name: string): TrafficDevice;
  /** Until every frame has ended. @throws Error when that takes longer than five seconds */
  burst(burst: Burst): Promise<Seen>;
  /** Until so many kthreads of a map have ended since the last burst began: their last events. */
  endings(map: SubjectMap, count: number): Promise<readonly string[]>;
  close(): void;
}
