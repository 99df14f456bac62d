import { runWorkers } from '@cpumap/vitest-config/workers';
import { expect, it } from 'vitest';
import { createAllocator } from '../src/allocator.ts';
import { createMemory } from '../src/memory.ts';
import { spinLock, spinUnlock } from '../src/spinlock.ts';

it('is one word: 0 free, 1 held', () => {
  const words = new Int32Array(new SharedArrayBuffer(8));
  spinLock(words, 1);
  expect([...words]).toEqual([0, 1]);
  spinUnlock(words, 1);
  expect([...words]).toEqual([0, 0]);
});

it.each([
  [2, 200_000],
  [4, 50_000],
])('lets one of %i threads in at a time', async (workers, count) => {
  const memory = createMemory(1 << 20);
  const allocator = createAllocator(memory);
  const [gate, lock, inside, counter] = [64, 64, 64, 64].map((bytes) => allocator.alloc(bytes));
  const data = { wasm: memory.wasm, gate, workers, lock, inside, counter, count };
  const results = await runWorkers<{ company: number }>(
    new URL('./workers/lock-counter.js', import.meta.url),
    new Array(workers).fill(data),
  );
  expect(results).toEqual(new Array(workers).fill({ company: 0 }));
  expect(memory.i32[counter! >> 2]).toBe(workers * count);
  expect(memory.i32[lock! >> 2]).toBe(0);
});
