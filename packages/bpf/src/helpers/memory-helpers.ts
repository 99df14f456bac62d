/** Helpers on plain memory: reading what may not be there, comparing strings, checksums. Sizes are the verifier's to check. */
import type { Memory } from '@cpumap/smp';
import { ERRNO } from '@cpumap/uapi';
import { type HelperTable, helperTable } from './helper-table.ts';
import type { Readable } from './readable.ts';

const EFAULT = -ERRNO.EFAULT;
const ERANGE = -ERRNO.ERANGE;
/** Nothing lies in the first page: an address there is one that was computed from NULL. */
const PAGE_SIZE = 4096;

export function attachMemoryHelpers({ u8, bytes }: Memory, readable: Readable): HelperTable {
  /**
   * mirrors copy_from_kernel_nofault: user space's half of the addresses is ERANGE, an address of the kernel where nothing
   * is to be read EFAULT. Here the kernel's are those of the shared memory, and the upper half.
   */
  function unreadable(lo: number, hi: number): number {
    const isKernels = hi < 0 || (hi === 0 && lo >>> 0 >= PAGE_SIZE && lo >>> 0 < bytes);
    return isKernels ? EFAULT : ERANGE;
  }

  /** What cannot be read leaves zeros. */
  function probeRead(to: number, size: number, lo: number, hi: number): number {
    const from = lo >>> 0;
    if (size > 0 && hi === 0 && readable(from, size)) {
      u8.copyWithin(to, from, from + size);
      return 0;
    }
    u8.fill(0, to, to + size);
    const error = unreadable(lo, hi);
    return size === 0 && error === EFAULT ? 0 : error;
  }

  /** The length with its zero; a string that does not fit is cut, and ends with a zero all the same. */
  function probeReadString(to: number, size: number, lo: number, hi: number): number {
    if (size === 0) return 0;
    const from = lo >>> 0;
    for (let length = 0; length < size; length++) {
      if (hi !== 0 || !readable(from + length, 1)) {
        u8.fill(0, to, to + size);
        return unreadable(lo + length, hi);
      }
      const byte = u8[from + length]!;
      u8[to + length] = byte;
      if (byte === 0) return length + 1;
    }
    u8[to + size - 1] = 0;
    return size;
  }

  /** Sum of little-endian 16-bit words, unfolded and exact; an odd byte at the end is a word with a zero behind it. */
  function sum(from: number, size: number, flip: number): number {
    const even = from + (size & ~1);
    let total = (size & 1) === 0 ? 0 : u8[even]! ^ flip;
    for (let at = from; at < even; at += 2) total += (u8[at]! | (u8[at + 1]! << 8)) ^ flip;
    return total;
  }

  return helperTable({
    probe_read: probeRead,
    probe_read_kernel: probeRead,
    probe_read_str: probeReadString,
    probe_read_kernel_str: probeReadString,

    strncmp(a: number, size: number, b: number) {
      for (let i = 0; i < size; i++) {
        const difference = u8[a + i]! - u8[b + i]!;
        if (difference !== 0 || u8[a + i] === 0) return Math.sign(difference);
      }
      return 0;
    },

    /** Folded to 16 bits; any size, also those that are no multiple of 4 (6.18). */
    csum_diff(from: number, fromSize: number, to: number, toSize: number, seed: number) {
      let total = (seed & 0xffff) + (seed >>> 16);
      if (toSize > 0) total += sum(to, toSize, 0);
      if (fromSize > 0) total += sum(from, fromSize, 0xffff); // taking away is adding the complement
      while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
      return total;
    },
  });
}
