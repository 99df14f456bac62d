/**
 * Policies: which CPUs should be active, from samples, as plain functions. The default keeps the mean utilisation of the
 * active CPUs near a target.
 *
 *   load         all frames per second on their way to CPUs, dropped ones among them
 *   utilisation  load / (active CPUs * capacity)
 *   needed       the fewest CPUs whose utilisation is at most `target`; one less than now while nothing is known
 *
 *   a drop                -> needed, but at least one more than are active
 *   utilisation > high    -> needed
 *   utilisation < low     -> needed, if that is fewer
 *   else                  -> as it is
 *
 * `needed` depends on load and capacity alone, and lies inside the band; so with a constant load the set is reached in one
 * step and stays. What drops teach about the capacity is kept for it (capacity.ts), so that the step back is not tried again.
 */
import type { CpuSample } from './sample.ts';

export interface PolicySettings {
  /** All CPUs that may be active, in the order in which they are taken. */
  readonly cpus: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly target: number;
  readonly low: number;
  readonly high: number;
  /** Frames per second that one CPU takes: given, or learned; Infinity while nothing is known. */
  readonly capacity: number;
}

/** Answers the CPUs that should be active. A wrong answer, or an error, changes nothing. */
export type Policy = (
  samples: readonly CpuSample[],
  active: readonly number[],
  settings: PolicySettings,
) => readonly number[];

export const loadOf = (samples: readonly CpuSample[]): number =>
  samples.reduce((sum, { enqueuedPerSecond }) => sum + enqueuedPerSecond, 0);

export const dropsOf = (samples: readonly CpuSample[]): number => samples.reduce((sum, { drops }) => sum + drops, 0);

/** `count` CPUs, those that are active first: each of the two in the settings' order. */
function choose(count: number, active: readonly number[], cpus: readonly number[]): number[] {
  const byPreference = [...cpus].sort((a, b) => Number(active.includes(b)) - Number(active.includes(a)));
  return byPreference.slice(0, count);
}

export const targetUtilisation: Policy = (samples, active, { cpus, min, max, target, low, high, capacity }) => {
  const load = loadOf(samples);
  const utilisation = load / (active.length * capacity);
  const needed = capacity === Number.POSITIVE_INFINITY ? active.length - 1 : Math.ceil(load / (capacity * target));
  let count = active.length;
  if (dropsOf(samples) > 0) count = Math.max(needed, count + 1);
  else if (utilisation > high) count = needed;
  else if (utilisation < low) count = Math.min(needed, count);
  return choose(Math.min(Math.max(count, min), max), active, cpus);
};
