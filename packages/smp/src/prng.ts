/** A seeded generator for schedules and tests: same seed, same numbers, on every machine. Not for secrets. */
export interface Prng {
  /** An integer in [0, bound). */
  below(bound: number): number;
}

export function createPrng(seed: number): Prng {
  let state = seed >>> 0;
  return {
    below(bound) {
      // a 32-bit Weyl sequence, mixed by two multiply-xorshift rounds
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return ((z ^ (z >>> 16)) >>> 0) % bound;
    },
  };
}
