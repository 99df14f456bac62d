/** Values of arrays: as user space reads and writes them, and as programs hold their addresses. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachMapLookup } from '../../src/index.ts';
import { createMaps } from '../support/maps.ts';

const NR_CPUS = 3;
const { ARRAY, PERCPU_ARRAY } = BPF_MAP_TYPE;

describe('an array', () => {
  it('is zero at first, also where another map was before', () => {
    const { create } = createMaps();
    const before = create({ valueSize: 24 });
    before.update(2, new Uint8Array(24).fill(0xff));
    before.close();
    const map = create({ valueSize: 24 });
    for (let key = 0; key < 4; key++) expect(map.lookup(key)).toEqual(new Uint8Array(24));
  });

  it('any updates, read back: each element is its last value', () => {
    const value = fc.uint8Array({ minLength: 24, maxLength: 24 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 24 }),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(8), value), { maxLength: 20 }),
        (maxEntries, valueSize, perCpu, updates) => {
          const { create } = createMaps(NR_CPUS);
          const map = create({ type: perCpu ? PERCPU_ARRAY : ARRAY, maxEntries, valueSize });
          const size = perCpu ? Math.ceil(valueSize / 8) * 8 * NR_CPUS : valueSize;
          const model = Array.from({ length: maxEntries }, () => new Uint8Array(size));
          for (const [key, bytes] of updates) {
            if (key >= maxEntries) continue;
            const next = Uint8Array.from({ length: size }, (_, i) => bytes[i % 24]! ^ (i / 24));
            map.update(key, next);
            model[key] = next;
          }
          for (let key = 0; key < maxEntries; key++) expect(map.lookup(key)).toEqual(model[key]);
        },
      ),
    );
  });

  it('what is read is a copy', () => {
    const map = createMaps().create();
    map.lookup(0).fill(9);
    expect(map.lookup(0)).toEqual(new Uint8Array(8));
  });
});

describe('bpf_map_lookup_elem', () => {
  it('gives an address that stays: what programs write there is what user space reads', () => {
    const { memory, create } = createMaps();
    const map = create({ valueSize: 12, maxEntries: 3 });
    const lookup = attachMapLookup(memory, 1);
    const at = lookup(map.pointer, 2);
    expect(at % 8).toBe(0);
    map.update(2, new Uint8Array(12).fill(7));
    expect(lookup(map.pointer, 2)).toBe(at);
    expect([...memory.u8.subarray(at, at + 12)]).toEqual(new Array(12).fill(7));
    memory.u32[at >> 2] = 0x01020304;
    expect([...map.lookup(2).subarray(0, 4)]).toEqual([4, 3, 2, 1]);
  });

  it.each([
    [3, 'the length'],
    [0xffffffff, 'the largest key'],
    [-1, 'the largest key as a signed word'],
  ])('of key %i, %s, is NULL', (key) => {
    const { memory, create } = createMaps();
    expect(attachMapLookup(memory, 0)(create({ maxEntries: 3 }).pointer, key)).toBe(0);
  });

  it('of another type of map is NULL', () => {
    const { memory, create } = createMaps();
    const map = create();
    memory.u32[map.pointer >> 2] = BPF_MAP_TYPE.CPUMAP;
    expect(attachMapLookup(memory, 0)(map.pointer, 0)).toBe(0);
  });

  it('gives each CPU its own element of a per-CPU array, on cache lines of its own', () => {
    const { memory, create } = createMaps(NR_CPUS);
    const map = create({ type: PERCPU_ARRAY, valueSize: 4, maxEntries: 2 });
    const addresses = [0, 1, 2].map((cpu) => attachMapLookup(memory, cpu)(map.pointer, 1));
    expect(new Set(addresses.map((at) => at >> 6)).size).toBe(3);
    addresses.forEach((at, cpu) => {
      memory.u32[at >> 2] = 100 + cpu;
    });
    // user space sees one value per CPU, each rounded up to 8 bytes
    expect([...new Uint32Array(map.lookup(1).buffer)]).toEqual([100, 0, 101, 0, 102, 0]);
    expect(map.lookup(0)).toEqual(new Uint8Array(24));
  });
});
