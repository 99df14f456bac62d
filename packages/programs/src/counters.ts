/**
 * Counting in rx_cnt: struct datarec has u64 counters, two u32 words each, low word first.
 *
 * Owner  one CPU: rx_cnt is a per-CPU array, so counting is plain. A reader on another thread may see the low word
 * wrapped and the high word not yet, once in 2^32 packets; the kernel's user space on 32 bits has the same.
 */
import { DATAREC } from '@cpumap/uapi';

/** The fields of struct datarec, as word offsets. */
export const PROCESSED = DATAREC.processed >> 2;
export const DROPPED = DATAREC.dropped >> 2;
export const ISSUE = DATAREC.issue >> 2;

/** Adds one to the u64 at word index `at`. */
export function increment(u32: Uint32Array, at: number): void {
  const low = (u32[at]! + 1) >>> 0;
  u32[at] = low;
  if (low === 0) u32[at + 1] = u32[at + 1]! + 1;
}
