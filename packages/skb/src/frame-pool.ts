/**
 * Frame memory: pools of equal buffers, one pool per RX queue, the kernel's page_pool in behaviour.
 *
 * Owner     the CPU that polls the queue: it alone allocates. Any CPU gives frames back.
 * A buffer is  in the pool ──alloc──► out ──put──► in the pool        (and it always returns to the pool it came from)
 *
 * The owner keeps a small stack of buffers (the cache); the others return through a ptr_ring, up to 64 at a time under
 * one lock. The ring holds all buffers of its pool plus the slots that a ptr_ring keeps stale, so a return never fails.
 * A buffer that was never used is taken only when none has returned, so a pool touches no more memory than were ever out
 * at once, and a large pool costs a small one's cache misses.
 *
 * A buffer of `stride` bytes, all parts on cache lines of their own:
 *   [ sk_buff 256 ][ headroom 256, the frame descriptor at its top ][ frame ][ skb_shared_info 320 ]
 *                  ▲ data_hard_start, the buffer's address; frame_sz counts from here
 * The sk_buff's head lies with its buffer, so that building one never waits for another allocator. The stride is an odd
 * number of cache lines: buffers then spread over all sets of a cache instead of a few.
 *
 * A buffer may also hold a later piece of a frame: a frag, from the buffer's address on. Those are counted when they come
 * back (`putFrag`), so that the buffers which are out can be told apart from the frames which are.
 */

import {
  type Allocator,
  attachPtrRings,
  CACHELINE,
  createPercpu,
  type Memory,
  type PercpuAt,
  percpu,
  ptrRingBytes,
} from '@cpumap/smp';
import { layout, SK_BUFF_SIZE, SKB_SHARED_INFO_SIZE, XDP_PACKET_HEADROOM } from '@cpumap/uapi';

export const FRAME_POOL = layout({
  cpu: 'u32', // the owner
  count: 'u32', // buffers in all
  frame_sz: 'u32',
  ring: 'u32',
  arena: 'u32',
  arena_bytes: 'u32',
  cached: 'u32', // buffers on the cache's stack
  fresh: 'u32', // buffers that were never used, the last ones of the arena
  stride: 'u32',
});
const CACHE = CACHELINE;
const CACHE_SLOTS = 128;
const REFILL = 64;
const RETURN_BATCH = 64;
const STALE_SLOTS = 16;
/** A pool's arena starts at a multiple of this, so that a table with an entry per region finds the pool of any buffer. */
const REGION_SHIFT = 16;

/** What a CPU has gathered to give back, all of one pool; the buffers follow on the next cache line. */
const RETURNS = layout({
  pool: 'u32',
  count: 'u32',
  frags: 'f64', // frags that this CPU gave back, since it started
});
const RETURN_SLOTS = CACHELINE;

/** Where the pools' common parts lie; plain data. */
export interface FramePoolsAt {
  /** A word per 64 KiB of memory: the pool whose arena that region belongs to. */
  readonly regions: number;
  readonly returns: PercpuAt;
}

export function createFramePools(memory: Memory, allocator: Allocator, nrCpus: number): FramePoolsAt {
  return {
    regions: allocator.alloc(((memory.bytes >> REGION_SHIFT) + 1) * 4),
    returns: createPercpu(allocator, nrCpus, RETURN_SLOTS + RETURN_BATCH * 4),
  };
}

/**
 * The size of a buffer, from data_hard_start to its end, that takes frames of up to `maxFrame` bytes: a page for those of
 * XDP_PAGE_FRAME.
 */
export function frameSize(maxFrame: number): number {
  return XDP_PACKET_HEADROOM + Math.ceil(maxFrame / CACHELINE) * CACHELINE + SKB_SHARED_INFO_SIZE;
}

function strideOf(size: number): number {
  const stride = SK_BUFF_SIZE + size;
  return (stride / CACHELINE) % 2 === 1 ? stride : stride + CACHELINE;
}

export interface FramePoolOptions {
  readonly count: number;
  readonly maxFrame: number;
  readonly cpu: number;
}

/** Makes a pool with all its buffers in. Host thread. @throws KernelError ENOMEM */
export function createFramePool(
  memory: Memory,
  allocator: Allocator,
  at: FramePoolsAt,
  { count, maxFrame, cpu }: FramePoolOptions,
): number {
  const { u32 } = memory;
  const size = frameSize(maxFrame);
  const stride = strideOf(size);
  const region = 1 << REGION_SHIFT;
  const arenaBytes = Math.ceil((count * stride) / region) * region;
  const ringSize = count + STALE_SLOTS;
  const blocks: number[] = [];
  const take = (bytes: number, align?: number): number => {
    const block = allocator.alloc(bytes, align);
    blocks.push(block);
    return block;
  };
  let pool: number;
  let ring: number;
  let arena: number;
  try {
    pool = take(CACHE + CACHE_SLOTS * 4);
    ring = take(ptrRingBytes(ringSize));
    arena = take(arenaBytes, region);
  } catch (error) {
    for (const block of blocks) allocator.free(block);
    throw error;
  }
  u32[(pool + FRAME_POOL.cpu) >> 2] = cpu;
  u32[(pool + FRAME_POOL.count) >> 2] = count;
  u32[(pool + FRAME_POOL.frame_sz) >> 2] = size;
  u32[(pool + FRAME_POOL.ring) >> 2] = ring;
  u32[(pool + FRAME_POOL.arena) >> 2] = arena;
  u32[(pool + FRAME_POOL.arena_bytes) >> 2] = arenaBytes;
  for (let r = 0; r < arenaBytes >> REGION_SHIFT; r++) {
    u32[(at.regions >> 2) + (arena >> REGION_SHIFT) + r] = pool;
  }
  u32[(pool + FRAME_POOL.fresh) >> 2] = count;
  u32[(pool + FRAME_POOL.stride) >> 2] = stride;
  attachPtrRings(memory).init(ring, ringSize);
  return pool;
}

/** Gives a pool's memory back. Only when `framePoolFree` says that every buffer is in. */
export function destroyFramePool(memory: Memory, allocator: Allocator, at: FramePoolsAt, pool: number): void {
  const { u32 } = memory;
  const arena = u32[(pool + FRAME_POOL.arena) >> 2]!;
  const bytes = u32[(pool + FRAME_POOL.arena_bytes) >> 2]!;
  for (let r = 0; r < bytes >> REGION_SHIFT; r++) u32[(at.regions >> 2) + (arena >> REGION_SHIFT) + r] = 0;
  allocator.free(arena);
  allocator.free(u32[(pool + FRAME_POOL.ring) >> 2]!);
  allocator.free(pool);
}

/** Buffers that are in the pool; exact when no CPU is running. */
export function framePoolFree(memory: Memory, pool: number): number {
  const { u32 } = memory;
  const returned = attachPtrRings(memory).depth(u32[(pool + FRAME_POOL.ring) >> 2]!);
  return returned + u32[(pool + FRAME_POOL.cached) >> 2]! + u32[(pool + FRAME_POOL.fresh) >> 2]!;
}

/** Frags that a CPU has given back. */
export function fragsReturned({ f64 }: Memory, at: FramePoolsAt, cpu: number): number {
  return f64[(percpu(at.returns, cpu) + RETURNS.frags) >> 3]!;
}

export interface FramePools {
  /**
   * Writes the addresses (data_hard_start) of up to `n` buffers into the words at `to`; returns how many there were, 0
   * only when the pool is empty. Only the pool's owner.
   */
  allocBulk(pool: number, to: number, n: number): number;
  /** Gives a buffer back to where it came from; seen by its owner after `flush`, at the latest. Any CPU. */
  put(frame: number): void;
  /** Gives the buffer of a frag back; one that is of no pool (a test run's page) is its owner's business. */
  putFrag(buffer: number): void;
  /** Gives `n` buffers back, the words at `from` plus `offset` each. */
  putMany(from: number, n: number, offset: number): void;
  /** Hands over what `put` has gathered. At the end of each poll. */
  flush(): void;
}

/** Pools as the CPU `cpu` uses them. */
export function attachFramePools(memory: Memory, at: FramePoolsAt, cpu: number): FramePools {
  const { u32, f64 } = memory;
  const SHIFT = REGION_SHIFT;
  const OWNER = FRAME_POOL.cpu >> 2;
  const CACHED = FRAME_POOL.cached >> 2;
  const CACHE_WORDS = CACHE >> 2;
  const FULL = CACHE_SLOTS;
  const BATCH = RETURN_BATCH;
  const rings = attachPtrRings(memory);
  const regions = at.regions >> 2;
  const returns = percpu(at.returns, cpu);
  const gathered = (returns + RETURNS.pool) >> 2;
  const gatheredCount = (returns + RETURNS.count) >> 2;
  const frags = (returns + RETURNS.frags) >> 3;
  const slots = (returns + RETURN_SLOTS) >> 2;

  function takeFresh(pool: number): number {
    const fresh = (pool + FRAME_POOL.fresh) >> 2;
    const left = u32[fresh]!;
    if (left === 0) return 0;
    u32[fresh] = left - 1;
    const index = u32[(pool + FRAME_POOL.count) >> 2]! - left;
    return u32[(pool + FRAME_POOL.arena) >> 2]! + index * u32[(pool + FRAME_POOL.stride) >> 2]! + SK_BUFF_SIZE;
  }

  function flush(): void {
    const count = u32[gatheredCount]!;
    if (count === 0) return;
    u32[gatheredCount] = 0;
    const ring = u32[(u32[gathered]! + FRAME_POOL.ring) >> 2]!;
    rings.lock(ring);
    const taken = rings.produceBulk(ring, returns + RETURN_SLOTS, count);
    rings.unlock(ring);
    if (taken !== count) throw new Error(`frame pool ${u32[gathered]}: more buffers returned than it has`);
  }

  function put(frame: number): void {
    const pool = u32[regions + (frame >>> SHIFT)]!;
    const p = pool >> 2;
    if (u32[p + OWNER] === cpu) {
      const n = u32[p + CACHED]!;
      if (n < FULL) {
        u32[p + CACHE_WORDS + n] = frame;
        u32[p + CACHED] = n + 1;
        return;
      }
    }
    if (u32[gathered] !== pool) {
      flush();
      u32[gathered] = pool;
    }
    const count = u32[gatheredCount]!;
    u32[slots + count] = frame;
    u32[gatheredCount] = count + 1;
    if (count + 1 === BATCH) flush();
  }

  return {
    allocBulk(pool, to, n) {
      const cached = (pool + FRAME_POOL.cached) >> 2;
      const cache = (pool + CACHE) >> 2;
      const target = to >> 2;
      let left = u32[cached]!;
      let taken = 0;
      while (taken < n) {
        if (left === 0) {
          left = rings.consumeBatched(u32[(pool + FRAME_POOL.ring) >> 2]!, pool + CACHE, REFILL);
          if (left === 0) {
            const fresh = takeFresh(pool);
            if (fresh === 0) break;
            u32[target + taken++] = fresh;
            continue;
          }
        }
        u32[target + taken++] = u32[cache + --left]!;
      }
      u32[cached] = left;
      return taken;
    },
    put,
    putFrag(buffer) {
      if (u32[regions + (buffer >>> SHIFT)] === 0) return;
      f64[frags]! += 1;
      put(buffer);
    },
    putMany(from, n, offset) {
      const list = from >> 2;
      for (let i = 0; i < n; i++) put(u32[list + i]! + offset);
    },
    flush,
  };
}
