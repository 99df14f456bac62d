/**
 * Bulk queues: eight frames per (entry, CPU) on their way to the entry's ring.
 *
 * Owner  the redirecting CPU alone; it takes no lock until it flushes.
 * A frame sits in the bulk queue until the next flush: the ninth frame flushes the eight before it, the end of the poll
 * flushes the rest. Only the end of the poll wakes the kthread.
 */

import { attachFrameReturns, type FramePools } from '@cpumap/skb';
import type { Memory, PtrRings } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import type { Features } from '@cpumap/uapi';
import { CPUMAP_COUNTERS } from './counters.ts';
import { CPU_MAP_BULK_SIZE, CPU_MAP_ENTRY, XDP_BULK_QUEUE } from './entry.ts';

export interface BulkQueueParts {
  readonly memory: Memory;
  readonly rings: PtrRings;
  readonly pools: FramePools;
  readonly features: Features;
  readonly tracepoints: Tracepoints;
  /** This CPU's CPUMAP_COUNTERS. */
  readonly counters: number;
}

export interface BulkQueues {
  isFull(bq: number): boolean;
  /** Stores a frame in a queue that is not full. */
  append(bq: number, frame: number): void;
  /** mirrors bq_flush_to_queue: moves all frames to the ring; what does not fit is freed. */
  flushToQueue(bq: number): void;
}

export function attachBulkQueues(parts: BulkQueueParts): BulkQueues {
  const { memory, rings, tracepoints, counters } = parts;
  const { returnFrame } = attachFrameReturns(memory, parts.pools, parts.features);
  const COUNT = XDP_BULK_QUEUE.count >> 2;
  const OBJ = XDP_BULK_QUEUE.obj >> 2;
  const FULL = CPU_MAP_BULK_SIZE;
  const { u32, f64 } = memory;
  const taken = (counters + CPUMAP_COUNTERS.taken) >> 3;
  const ringFull = (counters + CPUMAP_COUNTERS.ring_full) >> 3;

  function flushToQueue(bq: number): void {
    const b = bq >> 2;
    const count = u32[b + COUNT]!;
    if (count === 0) return;
    u32[b + COUNT] = 0;
    const entry = u32[b + OBJ]! >> 2;
    const ring = u32[entry + (CPU_MAP_ENTRY.queue >> 2)]!;
    rings.lock(ring);
    let done = rings.produceBulk(ring, bq, count);
    let drops = 0;
    while (done < count) {
      returnFrame(u32[b + done]!);
      drops++;
      done++;
      // the frames behind a refused one are still tried: the remote CPU may have cleared slots meanwhile
      done += rings.produceBulk(ring, bq + done * 4, count - done);
    }
    rings.unlock(ring);
    f64[taken]! += count;
    f64[ringFull]! += drops;
    tracepoints.cpumapEnqueue(
      u32[entry + (CPU_MAP_ENTRY.map_id >> 2)]!,
      count,
      drops,
      u32[entry + (CPU_MAP_ENTRY.cpu >> 2)]!,
    );
  }

  return {
    isFull: (bq) => u32[(bq >> 2) + COUNT] === FULL,
    append(bq, frame) {
      const b = bq >> 2;
      const count = u32[b + COUNT]!;
      u32[b + count] = frame;
      u32[b + COUNT] = count + 1;
    },
    flushToQueue,
  };
}
