/**
 * The hash of a key: MurmurHash3 (x86, 32 bits) by Austin Appleby, public domain, written anew here. Keys of the same bytes have
 * the same hash wherever they lie; words are read as such where the address allows.
 */

import type { Memory } from '@cpumap/smp';
import { attachSharedBytes } from './shared-bytes.ts';

export function attachHashFunction(memory: Memory): (key: number, size: number, seed: number) => number {
  const { i32, u8 } = memory;
  const { word } = attachSharedBytes(memory);
  const C1 = 0xcc9e2d51 | 0;
  const C2 = 0x1b873593;

  /** A signed 32-bit number, as a word of the memory holds it. */
  return (key, size, seed) => {
    let h = seed;
    const end = key + (size & ~3);
    for (let at = key; at < end; at += 4) {
      let k = Math.imul((key & 3) === 0 ? i32[at >> 2]! : word(at), C1);
      k = Math.imul((k << 15) | (k >>> 17), C2);
      h ^= k;
      h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
    }
    if ((size & 3) !== 0) {
      let k = 0;
      for (let i = (size & 3) - 1; i >= 0; i--) k = (k << 8) | u8[end + i]!;
      k = Math.imul(k, C1);
      h ^= Math.imul((k << 15) | (k >>> 17), C2);
    }
    h ^= size;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  };
}
