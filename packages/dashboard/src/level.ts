/** How loaded a CPU is, from what can be counted without touching the data path, with the reason in words. */
import type { Level } from './protocol.ts';

export interface Load {
  readonly seconds: number;
  readonly received: number | null;
  /** Frames that its queues had no buffer for. */
  readonly missed: number | null;
  readonly enqueued: number;
  readonly enqueueDrops: number;
  readonly taken: number;
  readonly depth: number;
  readonly qsize: number | undefined;
  readonly wakeups: number;
  /** Turns of its kthread. */
  readonly turns: number;
}

/** A kthread that sleeps before fewer of its turns than this has no time to spare. */
const SLEEPS_SELDOM = 0.01;
/** Below this many turns in an interval that share says nothing. */
const ENOUGH_TURNS = 100;
const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function levelOf(load: Load): { level: Level; reason: string } {
  const { seconds, received, missed, enqueued, enqueueDrops, taken, depth, qsize, wakeups, turns } = load;
  const perSecond = (count: number): string => `${number.format(count / seconds)} frames/s`;
  if (enqueueDrops > 0) {
    return { level: 'losing', reason: `its ring was full: ${perSecond(enqueueDrops)} dropped on the way to it` };
  }
  if (missed !== null && missed > 0) {
    return { level: 'losing', reason: `it receives too slowly: its queues missed ${perSecond(missed)}` };
  }
  if (qsize !== undefined && depth * 2 >= qsize) {
    return { level: 'busy', reason: `${number.format(depth)} of ${number.format(qsize)} places in its ring are taken` };
  }
  if (turns >= ENOUGH_TURNS && wakeups / turns < SLEEPS_SELDOM) {
    return {
      level: 'busy',
      reason: `its kthread slept before ${number.format(wakeups)} of ${number.format(turns)} turns`,
    };
  }
  if (taken === 0 && enqueued === 0 && !received) return { level: 'idle', reason: 'nothing came in this interval' };
  return { level: 'ok', reason: 'no frame was dropped, and its kthread finds time to sleep' };
}
