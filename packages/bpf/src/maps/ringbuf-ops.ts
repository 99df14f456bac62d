/**
 * BPF_MAP_TYPE_RINGBUF for its producers, programs on any CPU: mirrors bpf_ringbuf_reserve, submit, discard, output and
 * query. Only reserving takes the ring's lock.
 */

import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import {
  BPF_RB_AVAIL_DATA,
  BPF_RB_CONS_POS,
  BPF_RB_FORCE_WAKEUP,
  BPF_RB_NO_WAKEUP,
  BPF_RB_PROD_POS,
  BPF_RB_RING_SIZE,
  BPF_RINGBUF_BUSY_BIT,
  BPF_RINGBUF_DISCARD_BIT,
  BPF_RINGBUF_HDR_SZ,
  ERRNO,
} from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';
import { RINGBUF, RINGBUF_CONSUMER_POS } from './ringbuf-layout.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface RingbufOps {
  /** The address of a record's `size` bytes, or 0 when there is no room or a flag is set. */
  ringbufReserve(map: number, size: number, flags: number): number;
  /** The consumer polls and never sleeps, so the flags that ask for a wake-up or for none change nothing. */
  ringbufSubmit(record: number, flags: number): void;
  ringbufDiscard(record: number, flags: number): void;
  /** 0, -EAGAIN when there is no room, -EINVAL for unknown flags. */
  ringbufOutput(map: number, data: number, size: number, flags: number): number;
  /** A number below 2^32; 0 for what is not known. */
  ringbufQuery(map: number, what: number): number;
}

export function attachRingbufOps(memory: Memory): RingbufOps {
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const STATE = BPF_MAP.state >> 2;
  const LOCK = RINGBUF.lock >> 2;
  const PRODUCER = RINGBUF.producer_pos >> 2;
  const PENDING = RINGBUF.pending_pos >> 2;
  const MASK = RINGBUF.mask >> 2;
  const DATA = RINGBUF.data >> 2;
  const CONSUMER = RINGBUF_CONSUMER_POS >> 2;
  const HDR = BPF_RINGBUF_HDR_SZ;
  // a length is a signed word here, negative while BUSY, and positions are compared as differences: all small numbers
  const BUSY = BPF_RINGBUF_BUSY_BIT | 0;
  const DISCARD = BPF_RINGBUF_DISCARD_BIT;
  const LARGEST = 0x3fffffff; // RINGBUF_MAX_RECORD_SZ
  const KNOWN_FLAGS = BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP;
  const EAGAIN = -ERRNO.EAGAIN;
  const EINVAL = -ERRNO.EINVAL;

  /** Moves over the records that were committed since, and returns the position of the oldest that was not. */
  function pendingPos(ring: number, end: number): number {
    const mask = u32[ring + MASK]!;
    const data = u32[ring + DATA]!;
    let at = i32[ring + PENDING]!;
    while (at !== end) {
      const len = Atomics.load(i32, (data + (at & mask)) >> 2);
      if (len < 0) break;
      at = (at + (((len & ~DISCARD) + HDR + 7) & ~7)) | 0;
    }
    i32[ring + PENDING] = at;
    return at;
  }

  function reserve(map: number, size: number): number {
    const ring = u32[(map >> 2) + STATE]! >> 2;
    const mask = u32[ring + MASK]!;
    if (!(size >= 0 && size <= LARGEST)) return 0;
    const len = (size + HDR + 7) & ~7;
    if (len > mask + 1) return 0;
    spinLock(i32, ring + LOCK);
    const consumer = Atomics.load(i32, ring + CONSUMER);
    const at = i32[ring + PRODUCER]!;
    const next = (at + len) | 0;
    if ((next - consumer) >>> 0 > mask || (next - pendingPos(ring, at)) >>> 0 > mask) {
      spinUnlock(i32, ring + LOCK);
      return 0;
    }
    const header = u32[ring + DATA]! + (at & mask);
    i32[header >> 2] = size | BUSY;
    Atomics.store(i32, ring + PRODUCER, next);
    spinUnlock(i32, ring + LOCK);
    return header + HDR;
  }

  /** Publishes what was written into a record. */
  function commit(record: number, mark: number): void {
    const header = (record - HDR) >> 2;
    Atomics.store(i32, header, (i32[header]! & ~BUSY) | mark);
  }

  return {
    ringbufReserve: (map, size, flags) => (flags === 0 ? reserve(map, size) : 0),
    ringbufSubmit(record) {
      commit(record, 0);
    },
    ringbufDiscard(record) {
      commit(record, DISCARD);
    },
    ringbufOutput(map, data, size, flags) {
      if (!(flags >= 0 && flags <= KNOWN_FLAGS)) return EINVAL;
      const record = reserve(map, size);
      if (record === 0) return EAGAIN;
      bytes.copy(record, data, size);
      commit(record, 0);
      return 0;
    },
    ringbufQuery(map, what) {
      const ring = u32[(map >> 2) + STATE]! >> 2;
      const producer = Atomics.load(u32, ring + PRODUCER);
      const consumer = Atomics.load(u32, ring + CONSUMER);
      if (what === BPF_RB_AVAIL_DATA) return (producer - consumer) >>> 0;
      if (what === BPF_RB_RING_SIZE) return u32[ring + MASK]! + 1;
      if (what === BPF_RB_CONS_POS) return consumer;
      return what === BPF_RB_PROD_POS ? producer : 0;
    },
  };
}
