/** The hash types against a plain Map: user space and programs on several CPUs in turn, keys at any address. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerOf, createMaps, nameOf } from '../support/maps.ts';

const NR_CPUS = 3;
const T = BPF_MAP_TYPE;

interface Step {
  readonly op: 'update' | 'delete' | 'lookup' | 'lookupAndDelete' | 'walk' | 'batch' | 'forEach' | 'drain';
  /** A CPU, or NR_CPUS for user space. */
  readonly who: number;
  readonly key: number;
  readonly value: number;
  readonly flags: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom(
    'update',
    'update',
    'update',
    'delete',
    'lookup',
    'lookupAndDelete',
    'walk',
    'batch',
    'forEach',
    'drain',
  ),
  who: fc.nat(NR_CPUS),
  key: fc.nat(11),
  value: fc.integer({ min: 1, max: 255 }),
  flags: fc.constantFrom(0, 0, 0, 1, 2, 3),
});

/** Values of the model: one number for each CPU, or one for all. */
type Model = Map<number, number[]>;

function check(type: number, keySize: number, valueSize: number, misalign: number, steps: readonly Step[]): void {
  const perCpu = type === T.PERCPU_HASH || type === T.LRU_PERCPU_HASH;
  const lru = type === T.LRU_HASH || type === T.LRU_PERCPU_HASH;
  const maps = createMaps(NR_CPUS);
  // an LRU of 12 never evicts a key of 12: it must then be a hash like any other
  const maxEntries = lru ? 12 : 6;
  const map = maps.create({ type, keySize, valueSize, maxEntries });
  const model: Model = new Map();
  const copies = perCpu ? NR_CPUS : 1;
  const rounded = Math.ceil(valueSize / 8) * 8;
  const ops = Array.from({ length: NR_CPUS }, (_, cpu) => maps.ops(cpu));
  const keyAt = maps.place(new Uint8Array(keySize), misalign);
  const valueAt = maps.place(new Uint8Array(valueSize), misalign);

  const keyBytes = (key: number): Uint8Array =>
    Uint8Array.from({ length: keySize }, (_, i) => (i === 0 ? key : 7 * i + key));
  const bytesOf = (value: number): Uint8Array => Uint8Array.from({ length: valueSize }, (_, i) => value + i);
  const userValue = (values: readonly number[]): Uint8Array => {
    if (!perCpu) return bytesOf(values[0]!);
    const all = new Uint8Array(rounded * NR_CPUS);
    values.forEach((value, cpu) => {
      if (value !== 0) all.set(bytesOf(value), cpu * rounded);
    });
    return all;
  };
  const stage = (key: number): number => {
    maps.memory.u8.set(keyBytes(key), keyAt);
    return keyAt;
  };
  const at = (address: number): Uint8Array => maps.memory.u8.slice(address, address + valueSize);
  const ofCpu = (values: readonly number[], cpu: number): Uint8Array => {
    const value = values[perCpu ? cpu : 0]!;
    return value === 0 ? new Uint8Array(valueSize) : bytesOf(value);
  };

  function update({ who, key, value, flags }: Step): void {
    const old = model.get(key);
    const wanted =
      flags > 2
        ? 'EINVAL'
        : old && flags === 1
          ? 'EEXIST'
          : !old && flags === 2
            ? 'ENOENT'
            : !old && model.size === maxEntries
              ? 'E2BIG'
              : 'ok';
    let got: string;
    let next: number[];
    if (who === NR_CPUS) {
      next = Array.from({ length: copies }, (_, i) => value + i);
      got = answerOf(() => map.update(keyBytes(key), userValue(next), flags));
    } else {
      next = perCpu ? Array.from({ length: copies }, (_, cpu) => (cpu === who ? value : (old?.[cpu] ?? 0))) : [value];
      maps.memory.u8.set(bytesOf(value), valueAt);
      got = nameOf(ops[who]!.update(map.pointer, stage(key), valueAt, flags));
    }
    expect(got).toBe(wanted);
    if (got === 'ok') model.set(key, next);
  }

  for (const s of steps) {
    const { op, who, key } = s;
    const there = model.get(key);
    const cpu = who % NR_CPUS;
    if (op === 'update') update(s);
    else if (op === 'delete') {
      const got =
        who === NR_CPUS ? answerOf(() => map.delete(keyBytes(key))) : nameOf(ops[who]!.delete(map.pointer, stage(key)));
      expect(got).toBe(there ? 'ok' : 'ENOENT');
      model.delete(key);
    } else if (op === 'lookup' && who === NR_CPUS) {
      if (there) expect(map.lookup(keyBytes(key))).toEqual(userValue(there));
      else expect(answerOf(() => map.lookup(keyBytes(key)))).toBe('ENOENT');
    } else if (op === 'lookup') {
      const address = ops[who]!.lookup(map.pointer, stage(key));
      expect(address !== 0).toBe(there !== undefined);
      if (there) expect([address % 8, at(address)]).toEqual([0, ofCpu(there, who)]);
      for (let other = 0; perCpu && there && other < NR_CPUS; other++) {
        expect(at(ops[who]!.lookupPercpu(map.pointer, stage(key), other))).toEqual(ofCpu(there, other));
      }
      expect(ops[who]!.lookupPercpu(map.pointer, stage(key), perCpu ? NR_CPUS : 0)).toBe(0);
    } else if (op === 'lookupAndDelete') {
      if (there) expect(map.lookupAndDelete(keyBytes(key))).toEqual(userValue(there));
      else expect(answerOf(() => map.lookupAndDelete(keyBytes(key)))).toBe('ENOENT');
      model.delete(key);
    } else if (op === 'walk') {
      const seen = [...map.entries()].map(([k, v]) => [k[0], v] as const).sort((a, b) => a[0]! - b[0]!);
      expect(seen).toEqual([...model].sort((a, b) => a[0] - b[0]).map(([k, v]) => [k, userValue(v)]));
    } else if (op === 'forEach') {
      const seen: number[] = [];
      const stop = s.value % 8; // after so many
      const got = ops[cpu]!.forEach(map.pointer, (_, k, v) => {
        seen.push(maps.memory.u8[k]!);
        expect(at(v)).toEqual(ofCpu(model.get(maps.memory.u8[k]!)!, cpu));
        return seen.length === stop ? 1 : 0;
      });
      expect(got).toBe(stop === 0 ? model.size : Math.min(model.size, stop));
      expect(new Set(seen).size).toBe(got);
    } else {
      const batch = op === 'drain' ? map.lookupAndDeleteBatch(undefined, 100) : map.lookupBatch(undefined, 100);
      expect(batch.next).toBeUndefined();
      const got = batch.keys.map((k, i) => [k[0], batch.values[i]] as const).sort((a, b) => a[0]! - b[0]!);
      expect(got).toEqual([...model].sort((a, b) => a[0] - b[0]).map(([k, v]) => [k, userValue(v)]));
      if (op === 'drain') model.clear();
    }
  }
  map.close();
}

describe.each([
  ['HASH', T.HASH],
  ['PERCPU_HASH', T.PERCPU_HASH],
  ['LRU_HASH', T.LRU_HASH],
  ['LRU_PERCPU_HASH', T.LRU_PERCPU_HASH],
] as const)('%s', (_, type) => {
  it('does what a Map does', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 4, 5, 8, 13),
        fc.constantFrom(1, 4, 5, 8, 12),
        fc.nat(3),
        fc.array(step, { maxLength: 60 }),
        (keySize, valueSize, misalign, steps) => check(type, keySize, valueSize, misalign, steps),
      ),
      { numRuns: 150 },
    );
  });
});
