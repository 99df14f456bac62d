/** What the kernel's ptr_ring answers, as measured on Linux 6.18, and the edges of this one's interface. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type Allocator, createAllocator } from '../src/allocator.ts';
import { createMemory, type Memory } from '../src/memory.ts';
import { attachPtrRings, type PtrRings, ptrRingBytes } from '../src/ptr-ring.ts';

let memory: Memory;
let allocator: Allocator;
let rings: PtrRings;
let bulk: number;

beforeEach(() => {
  memory = createMemory(1 << 20);
  allocator = createAllocator(memory);
  rings = attachPtrRings(memory);
  bulk = allocator.alloc(1024);
});

function newRing(size: number): number {
  const ring = allocator.alloc(ptrRingBytes(size));
  rings.init(ring, size);
  return ring;
}

/** Produces `n` pointers at once, `first`, `first` + 1 and so on. */
function produce(ring: number, n: number, first = 1): number {
  for (let i = 0; i < n; i++) memory.u32[(bulk >> 2) + i] = first + i;
  return rings.produceBulk(ring, bulk, n);
}

function consume(ring: number, max: number): number[] {
  const n = rings.consumeBatched(ring, bulk, max);
  return [...memory.u32.subarray(bulk >> 2, (bulk >> 2) + n)];
}

function ringThatPassed(frames: number, size: number): number {
  const ring = newRing(size);
  for (let i = 1; i <= frames; i++) {
    expect(produce(ring, 1, i)).toBe(1);
    expect(consume(ring, 8)).toEqual([i]);
  }
  return ring;
}

describe('on Linux 6.18, a burst of 64', () => {
  it.each([1, 2, 3, 7, 8, 9, 16, 31, 32, 33, 40, 64])('fills a fresh ring of %i exactly', (size) => {
    const ring = newRing(size);
    expect(produce(ring, 64)).toBe(size);
    expect(rings.depth(ring)).toBe(size);
    expect(produce(ring, 1)).toBe(0);
  });

  it.each([...[1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31].map((size) => [size, size]), [32, 27], [33, 28], [40, 35], [64, 59]])(
    'into a ring of %i that was drained after 5 frames fits %i times',
    (size, accepted) => {
      const ring = ringThatPassed(5, size!);
      expect(rings.isEmpty(ring)).toBe(true);
      expect(produce(ring, 64)).toBe(accepted);
      expect(consume(ring, 64)).toEqual(Array.from({ length: accepted! }, (_, i) => i + 1));
    },
  );

  // a batch of 16 is cleared at once: 15 frames leave 15 slots taken, the 16th frees them all
  it.each([
    [14, 50],
    [15, 49],
    [16, 64],
    [17, 63],
    [63, 49],
    [64, 64],
  ])('into a ring of 64 that passed %i frames fits %i times', (passed, accepted) => {
    expect(produce(ringThatPassed(passed, 64), 64)).toBe(accepted);
  });

  it('leaves a ring in the order in which it came: 64 as 8 times 8, and 9 as 8 and 1', () => {
    const ring = newRing(64);
    produce(ring, 64);
    expect(Array.from({ length: 9 }, () => consume(ring, 8).length)).toEqual([8, 8, 8, 8, 8, 8, 8, 8, 0]);
    produce(ring, 9);
    expect([consume(ring, 8).length, consume(ring, 8).length, consume(ring, 8).length]).toEqual([8, 1, 0]);
  });
});

describe('a ring', () => {
  it('keeps what did not fit with the caller, and takes it later', () => {
    const ring = newRing(8);
    expect(produce(ring, 12)).toBe(8);
    expect(consume(ring, 3)).toEqual([1, 2, 3]);
    expect(produce(ring, 4, 9)).toBe(3);
    expect(consume(ring, 64)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('does nothing when asked for nothing', () => {
    const ring = newRing(8);
    expect(produce(ring, 0)).toBe(0);
    expect(rings.isEmpty(ring)).toBe(true);
    produce(ring, 3);
    expect(rings.consumeBatched(ring, bulk, 0)).toBe(0);
    expect(rings.depth(ring)).toBe(3);
  });

  it('is all in the shared memory: another view goes on where the first one stopped', () => {
    const ring = newRing(40);
    produce(ring, 30);
    consume(ring, 20);
    const other = attachPtrRings(memory);
    expect(other.depth(ring)).toBe(10);
    expect(other.consumeBatched(ring, bulk, 64)).toBe(10);
    expect(memory.u32[bulk >> 2]).toBe(21);
    expect(rings.isEmpty(ring)).toBe(true);
  });

  it('says which slot is next on each side, round and round', () => {
    const ring = newRing(3);
    const slots = (): number[] => [rings.producerSlot(ring), rings.consumerSlot(ring), rings.size(ring)];
    expect(slots()).toEqual([0, 0, 3]);
    produce(ring, 2);
    expect(slots()).toEqual([2, 0, 3]);
    consume(ring, 1);
    expect(slots()).toEqual([2, 1, 3]);
    produce(ring, 1, 3);
    expect(slots()).toEqual([0, 1, 3]);
    consume(ring, 8);
    expect(slots()).toEqual([0, 0, 3]);
  });

  it('lies within the bytes that it asked for', () => {
    const ring = newRing(37);
    const fence = ring + ptrRingBytes(37);
    for (let i = 0; i < 10; i++) {
      produce(ring, 64);
      consume(ring, 64);
    }
    produce(ring, 64);
    expect(memory.u32[fence >> 2]).toBe(0);
  });
});
