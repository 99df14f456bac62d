/**
 * ptr_ring: a bounded queue of pointers between CPUs, the kernel's include/linux/ptr_ring.h in behaviour.
 *
 * Owner     whoever allocated it: a cpumap entry owns one, a frame pool owns one.
 * Producers any CPU, one at a time: `produceBulk` only between `lock` and `unlock`.
 * Consumer  exactly one CPU: `consumeBatched`, no lock.
 * All state is in the shared memory, so any CPU may use any ring by its pointer.
 *
 * There is no count and no shared index. A slot is free if and only if it holds NULL, so either side can tell full or
 * empty from one slot, and the two sides never read each other's index.
 *
 * A slot is   NULL ──produce──► full ──consume──► stale ──clear──► NULL        (nothing else ever happens to it)
 * `stale` is consumed but not yet cleared: the consumer clears `batch` slots at once, so up to batch-1 slots of an empty
 * ring are still taken. A drained ring of 64 that passed 5 frames accepts 59. That is the kernel's behaviour, not a bug.
 *
 * Memory order: a bulk becomes visible by ONE atomic store, of its first slot, after all others were written plainly;
 * the consumer meets that slot first. Clearing is the mirror image: top down, the lowest slot last and atomically.
 * The consumer loads the first slot of a batch atomically, the others plainly: what it finds behind a pointer it reaches
 * through the pointer, and no processor that JavaScript runs on reorders a load before the one that gave its address. The
 * kernel's ring relies on the same. (Measured: an Atomics.load is a call of 5 ns; a plain load is nothing.)
 */
import { layout } from '@cpumap/uapi';
import { CACHELINE } from './allocator.ts';
import type { Memory } from './memory.ts';
import { spinLock, spinUnlock } from './spinlock.ts';

/** A line per side and one that nobody writes, then the slots: a side never dirties what the other reads. */
const PRODUCER = layout({ index: 'u32', lock: 'i32' });
const CONSUMER = layout({ head: 'u32', tail: 'u32' }); // next to consume; first consumed but not cleared
const SHAPE = layout({ size: 'u32', batch: 'u32' });
const CONSUMER_LINE = CACHELINE;
const SHAPE_LINE = 2 * CACHELINE;
const SLOTS = 3 * CACHELINE;

/** Two cache lines of 8-byte pointers: what the kernel clears at once. */
const CLEAR_BATCH = 16;

/** Bytes that a ring of `size` slots takes. */
export function ptrRingBytes(size: number): number {
  return SLOTS + size * 4;
}

export interface PtrRings {
  /** Sets up an empty ring of `size` slots in `ptrRingBytes(size)` zeroed bytes at `ring`. */
  init(ring: number, size: number): void;
  lock(ring: number): void;
  unlock(ring: number): void;
  /** Puts up to `n` pointers, the words at byte offset `from`, in order; returns how many fitted. Needs the lock. */
  produceBulk(ring: number, from: number, n: number): number;
  /** Takes up to `max` pointers into the words at byte offset `to`; returns how many there were. */
  consumeBatched(ring: number, to: number, max: number): number;
  /** For the consumer, and for whoever wakes it. */
  isEmpty(ring: number): boolean;
  /** Frames waiting, as anybody may estimate it at any time; exact when both sides rest. */
  depth(ring: number): number;
  size(ring: number): number;
  /** The slot that the next pointer goes to. For producers, under the lock. */
  producerSlot(ring: number): number;
  /** The slot that the next pointer is taken from. For the consumer. */
  consumerSlot(ring: number): number;
}

export function attachPtrRings(memory: Memory): PtrRings {
  const words = memory.i32;
  // bound here: V8 folds a constant of this function into its code, one of the bundled module it loads each time
  const CONSUMER_WORD = CONSUMER_LINE >> 2;
  const SHAPE_WORD = SHAPE_LINE >> 2;
  const SLOT_WORD = SLOTS >> 2;

  function clearConsumed(slots: number, from: number, to: number): void {
    for (let i = to - 1; i > from; i--) words[slots + i] = 0;
    Atomics.store(words, slots + from, 0);
  }

  return {
    init(ring, size) {
      words[(ring + SHAPE_LINE + SHAPE.size) >> 2] = size;
      // mirrors ptr_ring_init: two cache lines at once, unless that is more than half the ring
      words[(ring + SHAPE_LINE + SHAPE.batch) >> 2] = CLEAR_BATCH > size >> 1 ? 1 : CLEAR_BATCH;
    },

    lock(ring) {
      spinLock(words, (ring + PRODUCER.lock) >> 2);
    },

    unlock(ring) {
      spinUnlock(words, (ring + PRODUCER.lock) >> 2);
    },

    produceBulk(ring, from, n) {
      const producer = (ring + PRODUCER.index) >> 2;
      const size = words[(ring + SHAPE_LINE + SHAPE.size) >> 2]!;
      const slots = (ring + SLOTS) >> 2;
      const source = from >> 2;
      const first = words[producer]!;
      if (n === 0 || Atomics.load(words, slots + first) !== 0) return 0;
      let slot = first + 1 === size ? 0 : first + 1;
      let taken = 1;
      while (taken < n && words[slots + slot] === 0 && slot !== first) {
        words[slots + slot] = words[source + taken]!;
        taken++;
        if (++slot === size) slot = 0;
      }
      Atomics.store(words, slots + first, words[source]!); // publishes the whole bulk
      words[producer] = slot;
      return taken;
    },

    consumeBatched(ring, to, max) {
      const base = ring >> 2;
      const consumer = base + CONSUMER_WORD;
      const size = words[base + SHAPE_WORD]!;
      const batch = words[base + SHAPE_WORD + 1]!;
      const slots = base + SLOT_WORD;
      const target = to >> 2;
      let head = words[consumer]!;
      let tail = words[consumer + 1]!;
      let n = 0;
      let pointer = max === 0 ? 0 : Atomics.load(words, slots + head);
      while (pointer !== 0) {
        words[target + n++] = pointer;
        // mirrors __ptr_ring_discard_one: clear when a batch is complete or the end is reached
        if (++head - tail >= batch || head === size) {
          clearConsumed(slots, tail, head);
          if (head === size) head = 0;
          tail = head;
        }
        if (n === max) break;
        pointer = words[slots + head]!;
      }
      words[consumer] = head;
      words[consumer + 1] = tail;
      return n;
    },

    isEmpty(ring) {
      const head = words[(ring + CONSUMER_LINE + CONSUMER.head) >> 2]!;
      return Atomics.load(words, ((ring + SLOTS) >> 2) + head) === 0;
    },

    depth(ring) {
      const size = words[(ring + SHAPE_LINE + SHAPE.size) >> 2]!;
      const head = Atomics.load(words, (ring + CONSUMER_LINE + CONSUMER.head) >> 2);
      const producer = Atomics.load(words, (ring + PRODUCER.index) >> 2);
      const distance = (producer - head + size) % size;
      if (distance !== 0) return distance;
      return Atomics.load(words, ((ring + SLOTS) >> 2) + head) === 0 ? 0 : size;
    },

    size: (ring) => words[(ring + SHAPE_LINE + SHAPE.size) >> 2]!,
    producerSlot: (ring) => words[(ring + PRODUCER.index) >> 2]!,
    consumerSlot: (ring) => words[(ring + CONSUMER_LINE + CONSUMER.head) >> 2]!,
  };
}
