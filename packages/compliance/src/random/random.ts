/** Numbers that look random and follow from a seed alone: mulberry32. */
export interface Random {
  /** From 0 up to, but not, `n`. */
  below(n: number): number;
  pick<T>(list: readonly T[]): T;
  chance(percent: number): boolean;
}

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  function below(n: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }
  return { below, pick: (list) => list[below(list.length)]!, chance: (percent) => below(100) < percent };
}
