/**
 * When each of a number of CPUs goes next, and which is first: a tournament, in which changing a time replays the matches
 * of one CPU alone. With 256 CPUs that is 8 comparisons a turn where looking through all takes 256.
 *
 * Of equal times the lower CPU is first.
 */
export interface Schedule {
  at(cpu: number): number;
  set(cpu: number, time: number): void;
  /** The CPU whose time is the earliest. */
  first(): number;
}

export function createSchedule(cpus: number): Schedule {
  let leaves = 1;
  while (leaves < cpus) leaves *= 2;
  const times = new Float64Array(leaves).fill(Number.POSITIVE_INFINITY).fill(0, 0, cpus);
  /** The winner of each match; that of match n meets that of n ^ 1 in match n >> 1, the final is 1. */
  const winners = new Int32Array(2 * leaves);
  for (let leaf = 0; leaf < leaves; leaf++) winners[leaves + leaf] = leaf;
  for (let match = leaves - 1; match > 0; match--) play(match);

  function play(match: number): void {
    const left = winners[2 * match]!;
    const right = winners[2 * match + 1]!;
    winners[match] = times[right]! < times[left]! ? right : left;
  }

  return {
    at: (cpu) => times[cpu]!,
    set(cpu, time) {
      times[cpu] = time;
      for (let match = (leaves + cpu) >> 1; match > 0; match >>= 1) play(match);
    },
    first: () => winners[1]!,
  };
}
