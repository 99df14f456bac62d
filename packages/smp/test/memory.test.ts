import { runWorkers } from '@cpumap/vitest-config/workers';
import { describe, expect, it } from 'vitest';
import { createWallClock } from '../src/clock.ts';
import { attachMemory, createMemory } from '../src/memory.ts';
import { createPrng } from '../src/prng.ts';

const PAGE = 65536;
const MOST = 2 * 1024 ** 3; // addresses stay below 2^31

describe('createMemory', () => {
  it.each([
    [1, PAGE],
    [PAGE, PAGE],
    [PAGE + 1, 2 * PAGE],
    [10.5 * PAGE, 11 * PAGE],
  ])('of %d bytes gives %i, all of them zero', (asked, given) => {
    const memory = createMemory(asked);
    expect(memory.bytes).toBe(given);
    expect(memory.u8.every((byte) => byte === 0)).toBe(true);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, MOST + 1, 2 ** 40])('refuses %d bytes', (bytes) => {
    expect(() => createMemory(bytes)).toThrow(
      expect.objectContaining({ code: 'ENOMEM', hint: expect.stringContaining(`between 1 and ${MOST} are possible`) }),
    );
  });

  it('gives the most that is possible, or says that the system does not', () => {
    try {
      expect(createMemory(MOST).bytes).toBe(MOST);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOMEM', hint: expect.stringContaining('the system does not give') });
      expect(error).toHaveProperty('cause');
    }
  });
});

describe('a memory', () => {
  it('is shared and does not grow', () => {
    const memory = createMemory(PAGE);
    expect(memory.wasm.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(() => memory.wasm.grow(1)).toThrow(RangeError);
  });

  it('shows the same bytes through every view and every attachment', () => {
    const memory = createMemory(PAGE);
    const other = attachMemory(memory.wasm);
    memory.u32[2] = 0x80706050;
    expect([...other.u8.subarray(8, 12)]).toEqual([0x50, 0x60, 0x70, 0x80]);
    expect([...other.u16.subarray(4, 6)]).toEqual([0x6050, 0x8070]);
    expect(other.i32[2]).toBe(0x80706050 | 0);
    other.f64[2] = -2;
    expect(memory.u32[5]).toBe(0xc0000000);
    expect(other.bytes).toBe(PAGE);
  });
});

describe('createPrng', () => {
  it('gives the same numbers for a seed, on every machine', () => {
    const numbers = (seed: number) => {
      const prng = createPrng(seed);
      return Array.from({ length: 6 }, () => prng.below(1000));
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
    expect(numbers(0)).toMatchInlineSnapshot(`
      [
        854,
        19,
        756,
        319,
        603,
        605,
      ]
    `);
  });

  it('stays below its bound and reaches every number there', () => {
    for (const bound of [1, 2, 3, 7, 64]) {
      const prng = createPrng(bound);
      const count = new Array<number>(bound).fill(0);
      for (let i = 0; i < 1000 * bound; i++) count[prng.below(bound)]!++;
      expect(count.length).toBe(bound);
      for (const hits of count) expect(hits).toBeGreaterThan(800);
    }
  });
});

describe('the wall clock', () => {
  it('counts nanoseconds from the moment that it was given', () => {
    const start = process.hrtime.bigint() - 5_000_000_000n;
    const clock = createWallClock(start);
    const before = Number(process.hrtime.bigint() - start);
    const now = clock.now();
    const after = Number(process.hrtime.bigint() - start);
    // two clocks of one system, read one after the other: apart by less than a millisecond in either direction
    expect(now).toBeGreaterThan(before - 1e6);
    expect(now).toBeLessThan(after + 1e6);
    expect(clock.now()).toBeGreaterThanOrEqual(now);
  });

  // it was off by 1.5 ms when it took the first reading of a new thread
  it('is the same in a thread that has just begun, to a few microseconds', async () => {
    const data = new Array(4).fill({ startNs: process.hrtime.bigint() });
    const off = await runWorkers<number>(new URL('./workers/clock.js', import.meta.url), data);
    for (const nanoseconds of off) expect(nanoseconds).toBeLessThan(20_000);
  });
});
