/** ptr_ring between real threads: each pointer arrives once, and in the order of its producer. */

import { runWorkers } from '@cpumap/vitest-config/workers';
import { describe, expect, it } from 'vitest';
import { createAllocator } from '../src/allocator.ts';
import { createMemory } from '../src/memory.ts';
import { attachPtrRings, ptrRingBytes } from '../src/ptr-ring.ts';

describe('a ring between threads', () => {
  it.each([
    { size: 1, producers: 1, count: 5000 },
    { size: 1, producers: 2, count: 3000 },
    { size: 8, producers: 2, count: 50_000 },
    { size: 64, producers: 3, count: 400_000 },
    { size: 1024, producers: 1, count: 2_000_000 },
  ])('of $size slots, $producers × $count pointers', async ({ size, producers, count }) => {
    const memory = createMemory(1 << 20);
    const allocator = createAllocator(memory);
    const ring = allocator.alloc(ptrRingBytes(size));
    const rings = attachPtrRings(memory);
    rings.init(ring, size);
    const workers = producers + 1;
    const shared = { wasm: memory.wasm, gate: allocator.alloc(64), workers, ring, producers, count };
    const side = (role: 'produce' | 'consume', id: number) => ({
      ...shared,
      role,
      id,
      seed: 7 * size + id,
      bulk: allocator.alloc(256),
    });

    const [consumed] = await runWorkers(new URL('./workers/ring-traffic.js', import.meta.url), [
      side('consume', producers),
      ...Array.from({ length: producers }, (_, id) => side('produce', id)),
    ]);

    expect(consumed).toEqual({ seen: new Array(producers).fill(count), wrong: 0, empty: true });
    expect(rings.depth(ring)).toBe(0);
  });
});
