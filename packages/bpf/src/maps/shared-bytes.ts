/**
 * Bytes of keys and values in the shared memory: copied and compared by words wherever the destination is aligned, as all
 * elements are, so that no reader on another CPU ever sees half of an aligned 32-bit field.
 */

import type { Memory } from '@cpumap/smp';

export interface SharedBytes {
  /** Copies inside the shared memory. `to` is a multiple of 4, `from` may be anything. */
  copy(to: number, from: number, size: number): void;
  /** Copies in; `to` is a multiple of 4. */
  write(to: number, bytes: Uint8Array): void;
  /** Copies out; `from` is a multiple of 4. */
  read(from: number, size: number): Uint8Array<ArrayBuffer>;
  zero(at: number, size: number): void;
  /** Whether two ranges hold the same bytes. `a` is a multiple of 4, `b` may be anything. */
  equal(a: number, b: number, size: number): boolean;
  /** The 32-bit word at any address. */
  word(at: number): number;
}

export function attachSharedBytes({ u8, i32 }: Memory): SharedBytes {
  function word(at: number): number {
    if ((at & 3) === 0) return i32[at >> 2]!;
    return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
  }

  return {
    word,
    copy(to, from, size) {
      const words = size >> 2;
      const first = to >> 2;
      if ((from & 3) === 0) {
        const source = from >> 2;
        for (let i = 0; i < words; i++) i32[first + i] = i32[source + i]!;
      } else {
        for (let i = 0; i < words; i++) i32[first + i] = word(from + 4 * i);
      }
      for (let i = words << 2; i < size; i++) u8[to + i] = u8[from + i]!;
    },
    write(to, bytes) {
      const words = bytes.length >> 2;
      for (let i = 0; i < words; i++) {
        const at = 4 * i;
        i32[(to >> 2) + i] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      }
      for (let i = words << 2; i < bytes.length; i++) u8[to + i] = bytes[i]!;
    },
    read(from, size) {
      const words = new Int32Array((size + 3) >> 2);
      const full = size >> 2;
      for (let i = 0; i < full; i++) words[i] = i32[(from >> 2) + i]!;
      const bytes = new Uint8Array(words.buffer);
      for (let i = full << 2; i < size; i++) bytes[i] = u8[from + i]!;
      return bytes.length === size ? bytes : bytes.slice(0, size);
    },
    zero(at, size) {
      const words = size >> 2;
      for (let i = 0; i < words; i++) i32[(at >> 2) + i] = 0;
      for (let i = words << 2; i < size; i++) u8[at + i] = 0;
    },
    equal(a, b, size) {
      const words = size >> 2;
      for (let i = 0; i < words; i++) if (i32[(a >> 2) + i] !== word(b + 4 * i)) return false;
      for (let i = words << 2; i < size; i++) if (u8[a + i] !== u8[b + i]) return false;
      return true;
    },
  };
}
