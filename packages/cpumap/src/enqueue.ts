/**
 * cpumap as a redirect target of one CPU: cpuMapEnqueue, cpuMapGenericRedirect and the flushes.
 *
 * 5.6 and later keep one list per CPU of bulk queues that hold frames. A queue joins at the head when its first frame
 * comes and leaves when it is flushed, by itself or at the end of the poll, which walks the list from its head: the queue
 * that joined last is flushed first.
 * 4.15 keeps a bit per map index and CPU instead and flushes in index order. A bit whose slot is empty by then stays set;
 * the kernel's own map free then waits for ever, here it is simply never looked at again (see the README).
 */

import { BPF_MAP } from '@cpumap/bpf';
import { SK_BUFF, type XdpFrames } from '@cpumap/skb';
import type { Memory, PtrRings, Tasks } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import { BPF_MAP_TYPE, ERRNO, type Features } from '@cpumap/uapi';
import type { RedirectTarget } from '@cpumap/xdp';
import type { BulkQueues } from './bulk-queue.ts';
import { CPUMAP_COUNTERS } from './counters.ts';
import { BULKQ_BYTES, CPU_MAP_ENTRY, XDP_BULK_QUEUE } from './entry.ts';

/** Bit 0 of a ring's pointer says that it is an sk_buff. */
export const SKB_TAG = 1;

export interface EnqueueParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly features: Features;
  readonly rings: PtrRings;
  readonly tasks: Tasks;
  readonly frames: XdpFrames;
  readonly tracepoints: Tracepoints;
  readonly bulkQueues: BulkQueues;
  readonly counters: number;
  /** A cache line of this CPU's: the flush list's head, then a scratch word. */
  readonly flushList: number;
}

/** Bytes of the pending bits of one CPU in 4.15, behind the entry pointers of a map: one bit for each of 256 indexes. */
const FLUSH_BITMAP_BYTES = 32;

export function attachCpuMapTarget(parts: EnqueueParts): RedirectTarget {
  // bound here: V8 folds a constant of this function into its code, one of the bundled module it loads each time
  const MAX_ENTRIES = BPF_MAP.max_entries >> 2;
  const ELEMENTS = BPF_MAP.elements >> 2;
  const NEXT = XDP_BULK_QUEUE.next >> 2;
  const PREV = XDP_BULK_QUEUE.prev >> 2;
  const BULKQ = CPU_MAP_ENTRY.bulkq >> 2;
  const KTHREAD = CPU_MAP_ENTRY.kthread >> 2;
  const { memory, cpu, rings, tasks, frames, tracepoints, bulkQueues, counters, flushList } = parts;
  const { u32, f64 } = memory;
  const wakeups = (counters + CPUMAP_COUNTERS.wakeups) >> 3;
  const ownBulkq = cpu * BULKQ_BYTES;
  const first = flushList >> 2;
  const scratch = flushList + 4;

  /**
   * A plain load, as rcu_dereference is one: the entry was complete before it was swapped in, and everything in it is
   * reached through the pointer. (Measured: Atomics.load is a call, 5 ns for each frame.)
   */
  function lookup(map: number, key: number): number {
    const m = map >> 2;
    if (key >= u32[m + MAX_ENTRIES]!) return 0;
    return u32[(u32[m + ELEMENTS]! >> 2) + key]!;
  }

  /** Puts a queue at the head of the list; `prev` of the first points to the list itself, so 0 means "not listed". */
  function listAdd(bq: number): void {
    const b = bq >> 2;
    const head = u32[first]!;
    u32[b + NEXT] = head;
    u32[b + PREV] = flushList;
    if (head !== 0) u32[(head >> 2) + PREV] = bq;
    u32[first] = bq;
  }

  function listDel(bq: number): void {
    const b = bq >> 2;
    const next = u32[b + NEXT]!;
    const prev = u32[b + PREV]!;
    if (prev === flushList) u32[first] = next;
    else u32[(prev >> 2) + NEXT] = next;
    if (next !== 0) u32[(next >> 2) + PREV] = prev;
    u32[b + PREV] = 0;
  }

  /** 5.6 and later. A queue that flushes itself leaves the list, and joins again at the head with the ninth frame. */
  function enqueueListed(entry: number, frame: number, dev: number): number {
    frames.setDevRx(frame, dev);
    const bq = u32[(entry >> 2) + BULKQ]! + ownBulkq;
    if (bulkQueues.isFull(bq)) {
      listDel(bq);
      bulkQueues.flushToQueue(bq);
    }
    bulkQueues.append(bq, frame);
    if (u32[(bq >> 2) + PREV] === 0) listAdd(bq);
    return 0;
  }

  function enqueuePlain(entry: number, frame: number, dev: number): number {
    frames.setDevRx(frame, dev);
    const bq = u32[(entry >> 2) + BULKQ]! + ownBulkq;
    if (bulkQueues.isFull(bq)) bulkQueues.flushToQueue(bq);
    bulkQueues.append(bq, frame);
    return 0;
  }

  return {
    mapType: BPF_MAP_TYPE.CPUMAP,
    toIfindex: () => 0,
    lookup,
    enqueue: parts.features.perCpuFlushList ? enqueueListed : enqueuePlain,

    genericRedirect(entry, skb) {
      const e = entry >> 2;
      const ring = u32[e + (CPU_MAP_ENTRY.queue >> 2)]!;
      u32[(skb + SK_BUFF.redirected) >> 2] = 1;
      u32[scratch >> 2] = skb | SKB_TAG;
      rings.lock(ring);
      const taken = rings.produceBulk(ring, scratch, 1);
      rings.unlock(ring);
      f64[(counters + CPUMAP_COUNTERS.taken) >> 3]! += taken;
      if (taken === 1) f64[wakeups]! += tasks.wakeUp(u32[e + KTHREAD]!);
      // mirrors cpu_map_generic_redirect: a full ring counts as dropped and not as processed, unlike native mode
      const mapId = u32[e + (CPU_MAP_ENTRY.map_id >> 2)]!;
      tracepoints.cpumapEnqueue(mapId, taken, 1 - taken, u32[e + (CPU_MAP_ENTRY.cpu >> 2)]!);
      return taken === 1 ? 0 : -ERRNO.ENOSPC;
    },

    flush() {
      for (let bq = u32[first]!; bq !== 0; ) {
        const next = u32[(bq >> 2) + NEXT]!;
        listDel(bq);
        bulkQueues.flushToQueue(bq);
        f64[wakeups]! += tasks.wakeUp(u32[(u32[(bq >> 2) + (XDP_BULK_QUEUE.obj >> 2)]! >> 2) + KTHREAD]!);
        bq = next;
      }
    },

    insertCtx(map, key) {
      const bits = flushBitmap(memory, map, cpu) >> 2;
      u32[bits + (key >> 5)]! |= 1 << (key & 31);
    },

    flushMap(map) {
      const bits = flushBitmap(memory, map, cpu) >> 2;
      for (let word = 0; word < FLUSH_BITMAP_BYTES >> 2; word++) {
        for (let left = u32[bits + word]!; left !== 0; left &= left - 1) {
          const bit = 31 - Math.clz32(left & -left);
          const entry = lookup(map, (word << 5) + bit);
          if (entry === 0) continue; // mirrors __cpu_map_flush of 4.15: skipped before the bit is cleared
          u32[bits + word]! &= ~(1 << bit);
          bulkQueues.flushToQueue(u32[(entry >> 2) + BULKQ]! + ownBulkq);
          f64[wakeups]! += tasks.wakeUp(u32[(entry >> 2) + KTHREAD]!);
        }
      }
    },
  };
}

/** 4.15: the pending bits of one CPU in one map; `cpu_stride` says how far the CPUs' bits are apart. */
function flushBitmap({ u32 }: Memory, map: number, cpu: number): number {
  const m = map >> 2;
  const pointers = u32[m + (BPF_MAP.max_entries >> 2)]! * 4;
  const bits = u32[m + (BPF_MAP.elements >> 2)]! + Math.ceil(pointers / BULKQ_BYTES) * BULKQ_BYTES;
  return bits + cpu * BULKQ_BYTES;
}

/** Bytes of a map's elements: the entry pointers, then a cache line of pending bits for each CPU. */
export function cpuMapElementBytes(maxEntries: number, nrCpus: number): number {
  return Math.ceil((maxEntries * 4) / BULKQ_BYTES) * BULKQ_BYTES + nrCpus * BULKQ_BYTES;
}
