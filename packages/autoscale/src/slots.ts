/**
 * The indirection table: which CPU each slot of flow buckets is wanted on. CPUs get equal shares, one slot more or less,
 * and as few slots as that allows change hands.
 */

/** @param active at least one CPU */
export function assignSlots(before: readonly (number | undefined)[], active: readonly number[]): number[] {
  const least = Math.floor(before.length / active.length);
  let larger = before.length % active.length; // CPUs that may have one more
  const counts = new Map(active.map((cpu) => [cpu, 0]));
  const kept = before.map((cpu) => {
    const count = cpu === undefined ? undefined : counts.get(cpu);
    if (count === undefined || count > least) return undefined;
    if (count === least && larger-- <= 0) return undefined;
    counts.set(cpu!, count + 1);
    return cpu;
  });
  return kept.map((cpu) => {
    if (cpu !== undefined) return cpu;
    const [poorest] = [...counts].reduce((a, b) => (b[1] < a[1] ? b : a));
    counts.set(poorest, counts.get(poorest)! + 1);
    return poorest;
  });
}
