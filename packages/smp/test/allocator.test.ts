import { KernelError } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CACHELINE, createAllocator, sizeClass } from '../src/allocator.ts';
import { createMemory } from '../src/memory.ts';
import { createPercpu, percpu } from '../src/percpu.ts';
import { createPrng } from '../src/prng.ts';

const MIB = 1 << 20;
const NULL_PAGE = 65536;

describe('sizeClass', () => {
  it.each([
    [1, 64],
    [64, 64],
    [65, 128],
    [256, 256],
    [257, 320],
    [512, 512],
    [513, 640],
    [1024, 1024],
    [1025, 1280],
    [16384 * 4 + 192, 81920],
    [2 ** 31 - 1, 2 ** 31],
    [2 ** 31 + 1, 1.25 * 2 ** 31],
  ])('%i bytes take %i', (size, taken) => {
    expect(sizeClass(size)).toBe(taken);
  });

  it('is whole cache lines, has room for the size, and its own class is itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (size) => {
        const taken = sizeClass(size);
        return taken >= size && taken % CACHELINE === 0 && sizeClass(taken) === taken;
      }),
    );
  });

  it('wastes at most a quarter of the size, beyond what a cache line costs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 257, max: 2 ** 31 }), (size) => sizeClass(size) - size <= Math.max(63, size / 4)),
    );
  });
});

describe('an allocator', () => {
  const alloc = fc.record({ size: fc.integer({ min: 1, max: 20_000 }), align: fc.constantFrom(64, 64, 64, 128, 4096) });
  const free = fc.record({ free: fc.nat({ max: 1000 }) });

  it('gives zeroed, aligned blocks that touch neither each other nor the NULL page', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(alloc, free), { maxLength: 60, size: 'max' }), (script) => {
        const memory = createMemory(4 * MIB);
        const allocator = createAllocator(memory);
        const blocks: { at: number; size: number; mark: number }[] = [];
        let mark = 0;
        const intact = (block: (typeof blocks)[number]): boolean =>
          memory.u8.subarray(block.at, block.at + block.size).every((byte) => byte === block.mark);

        for (const step of script) {
          if ('free' in step) {
            if (blocks.length === 0) continue;
            const [block] = blocks.splice(step.free % blocks.length, 1);
            expect(intact(block!)).toBe(true);
            allocator.free(block!.at);
          } else {
            const at = allocator.alloc(step.size, step.align);
            expect(at).toBeGreaterThanOrEqual(NULL_PAGE);
            expect(at % step.align).toBe(0);
            expect(at + step.size).toBeLessThanOrEqual(memory.bytes);
            expect(intact({ at, size: step.size, mark: 0 })).toBe(true);
            mark = (mark % 255) + 1;
            memory.u8.fill(mark, at, at + step.size);
            blocks.push({ at, size: step.size, mark });
          }
        }
        expect(blocks.every(intact)).toBe(true);
        expect(allocator.used).toBe(blocks.reduce((sum, { size }) => sum + sizeClass(size), 0));
      }),
    );
  });

  it('does not grow while blocks of any size come and go', () => {
    const allocator = createAllocator(createMemory(MIB));
    const random = createPrng(1);
    const live = Array.from({ length: 20 }, () => allocator.alloc(1));
    for (let i = 0; i < 50_000; i++) {
      const slot = random.below(live.length);
      allocator.free(live[slot]!);
      live[slot] = allocator.alloc(1 + random.below(4096));
    }
    for (const pointer of live) allocator.free(pointer);
    expect(allocator.used).toBe(0);
  });

  it('answers ENOMEM with what is left, and goes on', () => {
    const memory = createMemory(4 * NULL_PAGE);
    const allocator = createAllocator(memory);
    const whole = allocator.alloc(3 * NULL_PAGE);
    expect(whole + 3 * NULL_PAGE).toBe(memory.bytes);
    expect(() => allocator.alloc(1)).toThrow(
      new KernelError('ENOMEM', 'alloc', { hint: '1 bytes asked, 0 of 262144 are left: give the host more memory' }),
    );
    expect(allocator.used).toBe(3 * NULL_PAGE);
    allocator.free(whole);
    expect(allocator.alloc(3 * NULL_PAGE)).toBe(whole);
  });

  it.each([
    ['a block twice', (block: number) => [block, block]],
    ['a pointer into a block', (block: number) => [block + 64]],
    ['NULL', () => [0]],
  ])('refuses to free %s', (_, pointers) => {
    const allocator = createAllocator(createMemory(MIB));
    const bad = pointers(allocator.alloc(200));
    const last = bad.pop()!;
    for (const pointer of bad) allocator.free(pointer);
    expect(() => allocator.free(last)).toThrow(RangeError);
    const [first, second] = [allocator.alloc(200), allocator.alloc(200)];
    expect(first).not.toBe(second);
  });
});

describe('per-CPU data', () => {
  it.each([
    [1, 64],
    [64, 64],
    [65, 128],
  ])('of %i bytes has %i for each CPU, on cache lines of its own', (bytes, stride) => {
    const allocator = createAllocator(createMemory(MIB));
    const blocks = createPercpu(allocator, 3, bytes);
    expect(blocks.at % CACHELINE).toBe(0);
    expect([0, 1, 2].map((cpu) => percpu(blocks, cpu) - blocks.at)).toEqual([0, stride, 2 * stride]);
    expect(allocator.used).toBe(sizeClass(3 * stride));
  });
});
