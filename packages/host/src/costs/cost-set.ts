/**
 * What each stage of a frame's way costs: the model of time that virtual machines may run on, and that counts of any run
 * can be turned into CPU time with.
 */
import { KernelError } from '@cpumap/uapi';

/** In the order in which a frame meets them. */
export const STAGES = [
  /** Per frame that the driver takes from its ring: receiving, recycling, and freeing what ends there. */
  'driver',
  /** Per run of the device's program. */
  'program',
  /** Per frame that is redirected: the redirect, and its place in a bulk queue. */
  'enqueue',
  /** Per bulk that goes to a ring. */
  'flush',
  /** Per sleeping kthread that is woken, on the CPU that wakes it. */
  'wakeup',
  /** Per frame that a kthread takes from its ring. */
  'dequeue',
  /** Per run of a second program. */
  'remoteProgram',
  /** Per sk_buff that is built. */
  'skb',
  /** Per sk_buff that the network stack is handed. */
  'stack',
] as const;
export type Stage = (typeof STAGES)[number];

export type StageNumbers = Readonly<Record<Stage, number>>;

export interface CostSet {
  readonly name: string;
  /** Where the figures are from, and which of them are only assumed. */
  readonly source: string;
  /** Nanoseconds for each unit of a stage. */
  readonly ns: StageNumbers;
  /** Nanoseconds for each turn of a CPU: a poll of up to 64 frames, a look around that finds nothing. */
  readonly turn: number;
  /** Nanoseconds from the wake-up of a sleeping CPU to its first turn. */
  readonly wakeLatency: number;
}

/** @throws KernelError EINVAL, naming the figure that is none */
export function checkCostSet({ name, ns, turn, wakeLatency }: CostSet): void {
  const figures = { ...Object.fromEntries(STAGES.map((stage) => [stage, ns[stage]])), turn, wakeLatency };
  for (const [figure, value] of Object.entries(figures)) {
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) continue;
    throw new KernelError('EINVAL', `cost set ${name}`, { hint: `${figure} is ${value}: give nanoseconds, 0 or more` });
  }
  if (turn < 1) throw new KernelError('EINVAL', `cost set ${name}`, { hint: 'a turn takes at least 1 ns' });
}
