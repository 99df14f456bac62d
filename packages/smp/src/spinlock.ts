/**
 * spinlock: one word, 0 free, 1 held. Held for a bulk, never across a wait.
 *
 * A holder may lose its processor when there are more threads than processors, so after a short spin the waiter lets
 * the system run somebody else, by a timed wait that nobody has to end.
 */
const SPINS = 2000;
const YIELD_MS = 0.05;

export function spinLock(words: Int32Array, index: number): void {
  let spins = 0;
  while (Atomics.compareExchange(words, index, 0, 1) !== 0) {
    if (++spins > SPINS) Atomics.wait(words, index, 1, YIELD_MS);
  }
}

export function spinUnlock(words: Int32Array, index: number): void {
  Atomics.store(words, index, 0);
}
