/**
 * SuperFastHash (Paul Hsieh's published function) of one 4-byte word, started from a seed instead of the length:
 * one round for the two halves of the word, then the six steps that let every bit reach every other.
 */

/** What the sample adds the IP protocol to, to start the hash from. */
export const INITVAL = 15485863;

/** The hash as a u32. Only the low 32 bits of `word` and `seed` count. */
export function superFastHash(word: number, seed: number): number {
  let hash = (seed + (word & 0xffff)) | 0;
  hash = (hash << 16) ^ (((word >>> 16) << 11) ^ hash);
  hash = (hash + (hash >>> 11)) | 0;

  hash ^= hash << 3;
  hash = (hash + (hash >>> 5)) | 0;
  hash ^= hash << 4;
  hash = (hash + (hash >>> 17)) | 0;
  hash ^= hash << 25;
  return (hash + (hash >>> 6)) >>> 0;
}
