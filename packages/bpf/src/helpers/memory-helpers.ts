/** Helpers on plain memory: reading what may not be there, comparing strings, checksums. Sizes are the verifier's to check. */
import type { Memory } from '@cpumap/smp';
import { ERRNO } from '@cpumap/uapi';
import { type HelperTable, helperTable } from './helper-table.ts';
import type { Readable } from './readable.ts';

const EFAULT = -ERRNO.EFAULT;
const EINVAL = -ERRNO.EINVAL;

export function attachMemoryHelpers({ u8 }: Memory, readable: Readable): HelperTable {
  /** mirrors bpf_probe_read_kernel: what cannot be read leaves zeros and EFAULT. */
  function probeRead(to: number, size: number, lo: number, hi: number): number {
    const from = lo >>> 0;
    if (hi !== 0 || !readable(from, size)) {
      u8.fill(0, to, to + size);
      return EFAULT;
    }
    u8.copyWithin(to, from, from + size);
    return 0;
  }

  /** The length with its zero; a string that does not fit is cut, and ends with a zero all the same. */
  function probeReadString(to: number, size: number, lo: number, hi: number): number {
    if (size === 0) return 0;
    const from = lo >>> 0;
    for (let length = 0; length < size; length++) {
      if (hi !== 0 || !readable(from + length, 1)) {
        u8.fill(0, to, to + size);
        return EFAULT;
      }
      const byte = u8[from + length]!;
      u8[to + length] = byte;
      if (byte === 0) return length + 1;
    }
    u8[to + size - 1] = 0;
    return size;
  }

  /** Sum of little-endian 16-bit words in ones' complement, unfolded; at most 512 bytes, so it is exact. */
  function sum(from: number, size: number, flip: number): number {
    let total = 0;
    for (let at = from; at < from + size; at += 2) total += (u8[at]! | (u8[at + 1]! << 8)) ^ flip;
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
        if (difference !== 0 || u8[a + i] === 0) return difference;
      }
      return 0;
    },

    csum_diff(from: number, fromSize: number, to: number, toSize: number, seed: number) {
      if (((fromSize | toSize) & 3) !== 0) return EINVAL;
      let total = (seed & 0xffff) + (seed >>> 16);
      if (toSize > 0) total += sum(to, toSize, 0);
      if (fromSize > 0) total += sum(from, fromSize, 0xffff); // taking away is adding the complement
      while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
      return total;
    },
  });
}
