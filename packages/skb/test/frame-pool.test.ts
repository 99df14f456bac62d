import { createAllocator, createMemory } from '@cpumap/smp';
import { describe, expect, it } from 'vitest';
import {
  attachFramePools,
  createFramePool,
  createFramePools,
  destroyFramePool,
  framePoolFree,
  frameSize,
} from '../src/frame-pool.ts';

const NR_CPUS = 3;
const SK_BUFF = 256;
const SHARED_INFO = 320;
const HEADROOM = 256;

function poolMemory() {
  const memory = createMemory(4 << 20);
  const allocator = createAllocator(memory);
  const at = createFramePools(memory, allocator, NR_CPUS);
  const cpus = [0, 1, 2].map((cpu) => attachFramePools(memory, at, cpu));
  const list = allocator.alloc(512 * 4);
  return {
    memory,
    allocator,
    at,
    cpus,
    list,
    create: (count: number, cpu = 0, maxFrame = 1514) =>
      createFramePool(memory, allocator, at, { count, maxFrame, cpu }),
    free: (pool: number) => framePoolFree(memory, pool),
    alloc(pool: number, n: number, cpu = 0): number[] {
      const taken = cpus[cpu]!.allocBulk(pool, list, n);
      return [...memory.u32.subarray(list >> 2, (list >> 2) + taken)];
    },
  };
}

describe('frameSize', () => {
  it('has room for headroom, the longest frame and skb_shared_info, and little more', () => {
    for (let maxFrame = 14; maxFrame <= 9216; maxFrame++) {
      const room = frameSize(maxFrame) - HEADROOM - SHARED_INFO;
      expect(room).toBeGreaterThanOrEqual(maxFrame);
      expect(room).toBeLessThan(maxFrame + 64);
    }
  });

  it('is a page for the most that fits into one', () => {
    expect(frameSize(3520)).toBe(4096);
  });

  it('makes buffers an odd number of cache lines apart', () => {
    const { create, alloc } = poolMemory();
    for (const maxFrame of [64, 128, 1472, 1536, 3456, 3520]) {
      const [first, second] = alloc(create(2, 0, maxFrame), 2);
      expect((Math.abs(second! - first!) / 64) % 2).toBe(1);
    }
  });
});

describe('a pool', () => {
  it.each([1, 2, 8, 16, 31, 32, 64, 65, 128, 200])('of %i has as many buffers, each with room of its own', (count) => {
    const { memory, create, free, alloc } = poolMemory();
    const pool = create(count);
    expect(free(pool)).toBe(count);
    const frames = alloc(pool, count + 5);
    expect(frames.length).toBe(count);
    expect(free(pool)).toBe(0);
    expect(alloc(pool, 1)).toEqual([]);
    const size = frameSize(1514);
    const sorted = frames.toSorted((a, b) => a - b);
    for (const [i, frame] of sorted.entries()) {
      expect(frame % 64).toBe(0);
      if (i > 0) expect(frame - SK_BUFF).toBeGreaterThanOrEqual(sorted[i - 1]! + size);
      memory.u8.fill(0xff, frame - SK_BUFF, frame + size);
    }
  });

  it('takes every buffer back from its owner at once', () => {
    const { cpus, create, free, alloc } = poolMemory();
    const pool = create(40);
    for (const frame of alloc(pool, 40)) cpus[0]!.put(frame);
    expect(free(pool)).toBe(40);
    expect(new Set(alloc(pool, 40)).size).toBe(40);
  });

  it('takes them back from another CPU 64 at a time, or when that flushes', () => {
    const { cpus, create, free, alloc } = poolMemory();
    const pool = create(100);
    const frames = alloc(pool, 100);
    for (const frame of frames.slice(0, 63)) cpus[1]!.put(frame);
    expect(free(pool)).toBe(0);
    cpus[1]!.put(frames[63]!);
    expect(free(pool)).toBe(64);
    for (const frame of frames.slice(64)) cpus[1]!.put(frame);
    expect(free(pool)).toBe(64);
    cpus[1]!.flush();
    expect(free(pool)).toBe(100);
    cpus[1]!.flush();
    expect(alloc(pool, 200).sort()).toEqual(frames.sort());
  });

  it('takes back a list of sk_buffs, whose frames lie behind them', () => {
    const { memory, cpus, create, free, alloc, list } = poolMemory();
    const pool = create(20);
    const frames = alloc(pool, 20);
    memory.u32.set(
      frames.map((frame) => frame - SK_BUFF),
      list >> 2,
    );
    cpus[2]!.putMany(list, 20, SK_BUFF);
    cpus[2]!.flush();
    expect(free(pool)).toBe(20);
    expect(alloc(pool, 20).sort()).toEqual(frames.sort());
  });

  it('gets its own buffers only, however they are mixed on their way back', () => {
    const { cpus, create, free, alloc } = poolMemory();
    const [one, two] = [create(30, 0), create(30, 1, 9000)];
    const [first, second] = [alloc(one, 30, 0), alloc(two, 30, 1)];
    for (let i = 0; i < 30; i++) {
      cpus[2]!.put(first[i]!);
      cpus[2]!.put(second[i]!);
    }
    cpus[2]!.flush();
    expect([free(one), free(two)]).toEqual([30, 30]);
    expect(alloc(one, 30, 0).sort()).toEqual(first.sort());
    expect(alloc(two, 30, 1).sort()).toEqual(second.sort());
  });

  it('uses again what came back before it touches a buffer that was never out', () => {
    const { cpus, create, alloc } = poolMemory();
    const pool = create(200);
    const used = new Set<number>();
    for (let round = 0; round < 100; round++) {
      const frames = alloc(pool, 20);
      for (const frame of frames) used.add(frame);
      for (const frame of frames) cpus[1]!.put(frame);
      cpus[1]!.flush();
    }
    expect(used.size).toBeLessThanOrEqual(20 + 15); // as many as a ptr_ring keeps from sight at most
  });

  it('lives in the shared memory: another attachment of the same CPU goes on', () => {
    const { memory, at, cpus, create, free, alloc } = poolMemory();
    const pool = create(10);
    const frames = alloc(pool, 10);
    cpus[1]!.put(frames[0]!);
    const again = attachFramePools(memory, at, 1);
    again.put(frames[1]!);
    again.flush();
    expect(free(pool)).toBe(2);
  });

  it('notices buffers that it never had', () => {
    const { cpus, create, alloc } = poolMemory();
    const pool = create(8);
    const [frame] = alloc(pool, 1);
    const twice = (): void => {
      for (let i = 0; i < 64; i++) cpus[1]!.put(frame!);
    };
    expect(twice).toThrow(`frame pool ${pool}: more buffers returned than it has`);
  });

  it('gives all its memory back when it is destroyed', () => {
    const { memory, allocator, at, create, free, alloc } = poolMemory();
    const before = allocator.used;
    let last = create(150);
    for (let i = 0; i < 50; i++) {
      destroyFramePool(memory, allocator, at, last);
      expect(allocator.used).toBe(before);
      last = create(150);
      expect(free(last)).toBe(150);
    }
    expect(new Set(alloc(last, 150)).size).toBe(150);
  });

  it('that does not fit is ENOMEM', () => {
    const { create } = poolMemory();
    expect(() => create(4096)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
  });
});
