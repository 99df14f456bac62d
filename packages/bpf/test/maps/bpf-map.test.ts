/** What all maps have in common: their description, wrong arguments, and their end. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { type MapKey, u32Of } from '../../src/index.ts';
import { answerOf, createMaps } from '../support/maps.ts';

describe('info', () => {
  it('is what the map was created with', () => {
    const { create } = createMaps();
    create();
    const map = create({ name: 'rx_cnt', valueSize: 24, maxEntries: 7, flags: 4 });
    const info = {
      id: 2,
      name: 'rx_cnt',
      type: BPF_MAP_TYPE.ARRAY,
      keySize: 4,
      valueSize: 24,
      maxEntries: 7,
      flags: 4,
      frozen: false,
    };
    expect(map.info()).toEqual(info);
    expect([map.id, map.name, map.type]).toEqual([2, 'rx_cnt', BPF_MAP_TYPE.ARRAY]);
  });
});

describe('what is no 32-bit number', () => {
  const NUMBERS = [-1, 1.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY];

  it.each(NUMBERS)('%d as a key is a RangeError, and touches nothing', (key) => {
    const { memory, create } = createMaps();
    const map = create();
    const before = memory.u8.slice();
    const value = new Uint8Array(8).fill(1);
    for (const act of [
      () => map.lookup(key),
      () => map.update(key, value),
      () => map.delete(key),
      () => map.getNextKey(key),
    ]) {
      expect(act).toThrow(RangeError);
    }
    expect(Buffer.compare(memory.u8, before)).toBe(0);
  });

  it.each(NUMBERS)('%d in a description is a RangeError', (number) => {
    const { create, allocator } = createMaps();
    for (const field of ['keySize', 'valueSize', 'maxEntries', 'flags']) {
      expect(() => create({ [field]: number })).toThrow(new RegExp(`^${field} must be`));
    }
    expect(allocator.used).toBe(0);
  });
});

describe('keys', () => {
  it('are bytes, or numbers where they have four', () => {
    const { create } = createMaps();
    const map = create({ type: BPF_MAP_TYPE.HASH });
    map.update(0x01020304, new Uint8Array(8).fill(1));
    expect(map.lookup(Uint8Array.of(4, 3, 2, 1))).toEqual(new Uint8Array(8).fill(1));
    expect(u32Of(map.getNextKey(undefined))).toBe(0x01020304);
    map.update(Uint8Array.of(0xff, 0xff, 0xff, 0xff), new Uint8Array(8));
    expect([...map.keys()].map(u32Of).sort()).toEqual([0x01020304, 0xffffffff]);
    expect(() => u32Of(new Uint8Array(3))).toThrow('a u32 has 4 bytes, not 3');
  });

  it('of another size are RangeErrors that name the sizes', () => {
    const { create } = createMaps();
    const map = create({ type: BPF_MAP_TYPE.HASH, keySize: 8 });
    const value = new Uint8Array(8);
    for (const act of [
      (key: MapKey) => map.lookup(key),
      (key: MapKey) => map.update(key, value),
      (key: MapKey) => map.delete(key),
      (key: MapKey) => map.getNextKey(key),
      (key: MapKey) => map.lookupAndDelete(key),
      (key: MapKey) => map.updateBatch([key], [value]),
      (key: MapKey) => map.deleteBatch([key]),
    ]) {
      expect(() => act(new Uint8Array(4))).toThrow(new RangeError('a key of this map has 8 bytes, not 4'));
      expect(() => act(1)).toThrow(/8 bytes: a number stands for 4 bytes only/);
    }
    expect(() => map.updateBatch([], [value])).toThrow(new RangeError('0 keys, but 1 values'));
  });
});

describe('a value of the wrong length', () => {
  it.each([0, 7, 9, 24])('of %i bytes instead of 8 is a RangeError', (length) => {
    const map = createMaps().create();
    expect(() => map.update(0, new Uint8Array(length))).toThrow(RangeError);
  });

  it('of a per-CPU array has a value for each CPU', () => {
    const map = createMaps(3).create({ type: BPF_MAP_TYPE.PERCPU_ARRAY, valueSize: 5 });
    expect(() => map.update(0, new Uint8Array(5))).toThrow('has 24 bytes, not 5');
    map.update(0, new Uint8Array(24));
  });
});

describe('close', () => {
  it('gives all memory back, once', () => {
    const { create, allocator } = createMaps();
    const maps = [create(), create({ type: BPF_MAP_TYPE.PERCPU_ARRAY }), create({ maxEntries: 1000 })];
    for (const map of maps) {
      map.close();
      map.close();
    }
    expect(allocator.used).toBe(0);
  });

  it('makes every operation EBADF', () => {
    const map = createMaps().create();
    map.close();
    expect([
      answerOf(() => map.lookup(0)),
      answerOf(() => map.update(0, new Uint8Array(8))),
      answerOf(() => map.delete(0)),
      answerOf(() => map.getNextKey(undefined)),
      answerOf(() => map.lookupAndDelete(0)),
      answerOf(() => map.lookupBatch(undefined, 1)),
      answerOf(() => map.lookupAndDeleteBatch(undefined, 1)),
      answerOf(() => map.updateBatch([], [])),
      answerOf(() => map.deleteBatch([])),
      answerOf(() => map.freeze()),
    ]).toEqual(new Array(10).fill('EBADF'));
  });

  it('a thousand maps fit where one does, one after the other', () => {
    const { create } = createMaps();
    for (let round = 0; round < 1000; round++) create({ maxEntries: 50_000 }).close();
  });
});
