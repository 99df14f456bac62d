/** What an LRU promises: there is always room, what was just put in is there, and what is looked at stays. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMaps, u32s } from '../support/maps.ts';

const NR_CPUS = 2;

describe.each([
  ['LRU_HASH', BPF_MAP_TYPE.LRU_HASH],
  ['LRU_PERCPU_HASH', BPF_MAP_TYPE.LRU_PERCPU_HASH],
] as const)('%s', (_, type) => {
  function machine(maxEntries: number) {
    const maps = createMaps(NR_CPUS);
    const map = maps.create({ type, valueSize: 8, maxEntries });
    const ops = maps.ops(0);
    const keyAt = maps.place(u32s(0));
    const valueAt = maps.place(u32s(1, 2));
    const key = (k: number): number => {
      maps.memory.u32[keyAt >> 2] = k;
      return keyAt;
    };
    return {
      map,
      put: (k: number) => ops.update(map.pointer, key(k), valueAt, 0),
      has: (k: number) => ops.lookup(map.pointer, key(k)) !== 0,
      remove: (k: number) => ops.delete(map.pointer, key(k)),
    };
  }

  it('never refuses, holds no more than max_entries, and has what was just put in', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(fc.constantFrom('put', 'has', 'remove'), fc.nat(20)), { maxLength: 80 }),
        (maxEntries, steps) => {
          const { map, put, has, remove } = machine(maxEntries);
          for (const [op, k] of steps) {
            if (op === 'put') expect([put(k), has(k)]).toEqual([0, true]);
            else if (op === 'has') has(k);
            else remove(k);
          }
          expect([...map.keys()].length).toBeLessThanOrEqual(maxEntries);
        },
      ),
    );
  });

  it('keeps what programs look at again and again', () => {
    const { put, has } = machine(100);
    for (let k = 0; k < 10; k++) put(k);
    for (let k = 10; k < 5000; k++) {
      put(k);
      for (let hot = 0; hot < 10; hot++) expect(has(hot)).toBe(true);
    }
  });

  it('forgets what only user space looks at', () => {
    const { map, put } = machine(100);
    put(0);
    for (let k = 1; k < 200; k++) {
      put(k);
      if (k < 100) map.lookup(0);
    }
    expect([...map.keys()].some((k) => k[0] === 0)).toBe(false);
  });

  it('updates an element of a full map without losing another', () => {
    const { map, put } = machine(50);
    for (let k = 0; k < 50; k++) put(k);
    for (let k = 0; k < 50; k++) put(k);
    expect([...map.keys()]).toHaveLength(50);
  });
});
