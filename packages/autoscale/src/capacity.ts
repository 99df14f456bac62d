/**
 * What one CPU can take, learned. Two things teach: a drop (the load of the interval was too much for the active CPUs, however
 * it was spread), and, where no capacity is given, a kthread that hardly slept (it took what it could).
 *
 * A lesson is kept while the load stays: forgotten too early, the policy would go back to fewer CPUs and drop again. It is
 * forgotten when the load falls below half of what it was then.
 */
import { dropsOf, loadOf } from './policy.ts';
import type { CpuSample } from './sample.ts';

/** A kthread that slept less often than once in so many frames was busy all the time. */
const BUSY_FRAMES = 256;

export interface CapacityLearner {
  /** Frames per second that one CPU takes, after this interval. */
  next(samples: readonly CpuSample[], active: readonly number[]): number;
}

export function createCapacityLearner(given: number | undefined): CapacityLearner {
  let lesson: { readonly capacity: number; readonly load: number } | undefined;
  const known = (): number => Math.min(given ?? Number.POSITIVE_INFINITY, lesson?.capacity ?? Number.POSITIVE_INFINITY);

  return {
    next(samples, active) {
      const load = loadOf(samples);
      if (lesson !== undefined && load < lesson.load / 2) lesson = undefined;
      const learn = (capacity: number): void => {
        if (capacity > 0 && capacity < known()) lesson = { capacity, load };
      };
      if (dropsOf(samples) > 0) learn(load / active.length);
      else if (given === undefined) {
        const busy = samples.filter(
          ({ cpu, processedPerSecond, schedPerSecond }) =>
            active.includes(cpu) && processedPerSecond > 0 && schedPerSecond * BUSY_FRAMES < processedPerSecond,
        );
        if (busy.length > 0) learn(Math.min(...busy.map(({ processedPerSecond }) => processedPerSecond)));
      }
      return known();
    },
  };
}
