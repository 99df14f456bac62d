/**
 * The Internet checksum of what a packet holds. Sums are made of 16-bit words as this machine reads them: a sum that is
 * right comes out the same in either byte order.
 */
import type { Memory } from '@cpumap/smp';
import { forEachPiece } from '../shared-info.ts';
import { SK_BUFF } from '../sk-buff.ts';

export interface Checksums {
  /** Adds `len` bytes at `at` to a sum. */
  add(sum: number, at: number, len: number): number;
  /** The payload of a transport header at `at`, to the packet's end, in all its pieces. */
  ofPacket(skb: number, at: number): number;
}

/** csum_fold without the last inversion: 16 bits. */
export function foldSum(sum: number): number {
  let folded = (sum & 0xffff) + ((sum / 0x10000) & 0xffff) + Math.floor(sum / 0x100000000);
  folded = (folded & 0xffff) + (folded >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

/** A 16-bit number as this machine reads it from the wire. */
export function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >> 8) & 0xff);
}

export function attachChecksums(memory: Memory): Checksums {
  const { u8, u16, u32 } = memory;

  function addBytes(sum: number, at: number, len: number): number {
    let total = sum;
    for (let i = 0; i < len; i++) total += (i & 1) === 0 ? u8[at + i]! : u8[at + i]! << 8;
    return total;
  }

  /** Words are added by halves: no sum of up to 64 KiB leaves 32 bits, so all of it stays small integers. */
  function add(sum: number, at: number, len: number): number {
    if ((at & 1) !== 0) return addBytes(sum, at, len);
    let from = at;
    const end = at + len;
    let low = 0;
    let high = 0;
    if ((from & 2) !== 0 && from + 2 <= end) {
      low = u16[from >> 1]!;
      from += 2;
    }
    const lastWord = from + ((end - from) & ~3);
    for (let i = from >> 2; i < lastWord >> 2; i++) {
      const word = u32[i]!;
      low += word & 0xffff;
      high += word >>> 16;
    }
    from = lastWord;
    if (from + 2 <= end) {
      low += u16[from >> 1]!;
      from += 2;
    }
    if (from < end) low += u8[from]!;
    return sum + low + high;
  }

  return {
    add,
    ofPacket(skb, at) {
      const tail = memory.u32[(skb + SK_BUFF.tail) >> 2]!;
      let sum = add(0, at, tail - at);
      if (memory.u32[(skb + SK_BUFF.data_len) >> 2] === 0) return sum;
      let length = tail - at;
      forEachPiece(memory, skb, (data, len) => {
        const piece = foldSum(add(0, data, len));
        sum += (length & 1) === 0 ? piece : swap16(piece);
        length += len;
      });
      return sum;
    },
  };
}
