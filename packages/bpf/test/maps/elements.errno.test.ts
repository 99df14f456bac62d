/**
 * What user space's operations on elements answer, by type; all of it asked of Linux 6.18.44 through bpf(2), on maps of
 * four entries.
 */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { BatchError, type BpfMap, type MapSpec } from '../../src/index.ts';
import { answerOf, createMaps, type TestMaps, u32s } from '../support/maps.ts';

const T = BPF_MAP_TYPE;
const NR_CPUS = 2;
const SIZES: Record<string, Partial<MapSpec>> = {
  LPM_TRIE: { keySize: 8, flags: 1 },
  PROG_ARRAY: { valueSize: 4 },
  PERF_EVENT_ARRAY: { valueSize: 4 },
  ARRAY_OF_MAPS: { valueSize: 4, innerMapFd: 1 },
  HASH_OF_MAPS: { valueSize: 4, innerMapFd: 1 },
  RINGBUF: { keySize: 0, valueSize: 0, maxEntries: 4096 },
};
const HASHES = ['HASH', 'PERCPU_HASH'] as const;
const LRUS = ['LRU_HASH', 'LRU_PERCPU_HASH'] as const;

interface Subject {
  readonly maps: TestMaps;
  readonly map: BpfMap;
  readonly value: Uint8Array;
  key(i: number): Uint8Array;
}

/** A map of a type; descriptor 1 is an array, 99 a program. */
function subject(name: string, change: Partial<MapSpec> = {}): Subject {
  const maps = createMaps(NR_CPUS);
  maps.create();
  maps.program({ id: 99 });
  const sizes = SIZES[name] ?? {};
  const flags = (sizes.flags ?? 0) | (change.flags ?? 0);
  const map = maps.create({ type: T[name as 'HASH'], ...sizes, ...change, flags });
  const fd = name === 'PROG_ARRAY' ? 99 : 1;
  const value = name.includes('PERCPU') ? new Uint8Array(8 * NR_CPUS).fill(1) : new Uint8Array(8).fill(1);
  return {
    maps,
    map,
    value: map.info().valueSize === 4 ? u32s(fd) : value,
    key: (i) => (map.info().keySize === 8 ? Uint8Array.of(32, 0, 0, 0, 0, 0, 0, i) : u32s(i)),
  };
}

const answers = (acts: (() => unknown)[]): string => acts.map(answerOf).join(' ');
const times = (word: string, n: number): string => new Array(n).fill(word).join(' ');

describe.each([...HASHES, ...LRUS, 'LPM_TRIE'] as const)('%s', (name) => {
  const lru = LRUS.some((other) => other === name);
  const full = lru ? 'ok' : name === 'LPM_TRIE' ? 'ENOSPC' : 'E2BIG';

  it('an absent key', () => {
    const { map, key, value } = subject(name);
    expect(answers([0, 1, 4, 8].map((flags) => () => map.lookup(key(0), flags)))).toBe('ENOENT EINVAL EINVAL EINVAL');
    expect(answers([() => map.delete(key(0)), () => map.getNextKey(undefined), () => map.getNextKey(key(1))])).toBe(
      'ENOENT ENOENT ENOENT',
    );
    const flags = [2, 3, 4, 5, 6, 7, 8, 2 ** 32, 2 ** 40];
    expect(answers(flags.map((f) => () => map.update(key(1), value, f)))).toBe(`ENOENT ${times('EINVAL', 8)}`);
    expect(answers([1, 1, 2, 0].map((f) => () => map.update(key(1), value, f)))).toBe('ok EEXIST ok ok');
  });

  it('a full map', () => {
    const { map, key, value } = subject(name);
    for (let i = 0; i < 4; i++) map.update(key(i), value);
    expect(answerOf(() => map.update(key(100), value, 2))).toBe('ENOENT');
    expect(answerOf(() => map.update(key(2), value, 2))).toBe('ok');
    expect(answerOf(() => map.update(key(2), value, 1))).toBe('EEXIST');
    expect(answerOf(() => map.update(key(100), value, 0))).toBe(full);
    expect(answerOf(() => map.update(key(101), value, 1))).toBe(full);
  });

  it('lookup and delete', () => {
    const { map, key, value } = subject(name);
    map.update(key(2), value);
    const lad = (i: number, flags: number) => () => map.lookupAndDelete(key(i), flags);
    expect(answers([lad(2, 1), lad(2, 4), lad(2, 8)])).toBe('EINVAL EINVAL EINVAL');
    expect(answers([lad(2, 0), lad(2, 0)])).toBe(name === 'LPM_TRIE' ? 'ENOTSUPP ENOTSUPP' : 'ok ENOENT');
    map.update(key(3), value);
    expect(answers([() => map.delete(key(3)), () => map.delete(key(3))])).toBe('ok ENOENT');
  });

  it('batches', () => {
    const { map, key, value } = subject(name);
    const keys = (...is: number[]) => is.map(key);
    const values = (n: number) => new Array<Uint8Array>(n).fill(value);
    expect(map.lookupBatch(undefined, 4)).toEqual({ keys: [], values: [], next: undefined });
    const elemFlags = [1, 2, 3, 4, 5, 8];
    expect(answers(elemFlags.map((f) => () => map.updateBatch(keys(0), values(1), { elemFlags: f })))).toBe(
      times('EINVAL', 6),
    );
    expect(answers([1, 4, 8].map((f) => () => map.lookupBatch(undefined, 2, { elemFlags: f })))).toBe(
      times('EINVAL', 3),
    );
    expect(answers([1, 4].map((flags) => () => map.lookupBatch(undefined, 2, { flags })))).toBe(
      name === 'LPM_TRIE' ? 'ok ok' : 'EINVAL EINVAL',
    );
    map.updateBatch(keys(0, 1, 2), values(3));
    if (!lru) {
      const error = (() => {
        try {
          return map.updateBatch(keys(3, 99, 1), values(3));
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toBeInstanceOf(BatchError);
      expect(error).toMatchObject({ code: full, count: 1, syscall: 'bpf(BPF_MAP_UPDATE_ELEM)' });
      const all = map.lookupBatch(undefined, 100);
      expect([all.keys.length, all.values.length, all.next]).toEqual([4, 4, undefined]);
      expect(() => map.deleteBatch(keys(0, 77, 1))).toThrow(expect.objectContaining({ code: 'ENOENT', count: 1 }));
    }
    expect(answerOf(() => map.deleteBatch([]))).toBe('ok');
    if (name === 'LPM_TRIE') {
      expect(answerOf(() => map.lookupAndDeleteBatch(undefined, 100))).toBe('ENOTSUPP');
      return;
    }
    expect(map.lookupAndDeleteBatch(undefined, 100).keys).toHaveLength(3);
    expect(map.lookupAndDeleteBatch(undefined, 100)).toEqual({ keys: [], values: [], next: undefined });
    expect(map.lookupBatch(u32s(0xffffffff), 2).next).toBeUndefined();
  });
});

describe('a bucket with more elements than asked for', () => {
  it('ENOSPC', () => {
    const { map, key, value } = subject('HASH', { maxEntries: 16 });
    for (let i = 0; i < 16; i++) map.update(key(i), value);
    const codes = new Set<string>();
    for (let at: Uint8Array | undefined = u32s(0), done = false; !done; ) {
      const from: Uint8Array | undefined = at;
      const answer = answerOf(() => {
        const batch = map.lookupBatch(from, 1);
        at = batch.next;
        done = batch.next === undefined;
      });
      codes.add(answer);
      if (answer !== 'ok') done = true;
    }
    expect([...codes]).toContain('ENOSPC');
  });
});

describe('descriptors', () => {
  it.each(['PROG_ARRAY', 'ARRAY_OF_MAPS', 'PERF_EVENT_ARRAY'])('%s: updates and deletes', (name) => {
    const { map, key, value } = subject(name);
    const perf = name === 'PERF_EVENT_ARRAY';
    const update = (i: number, f: number, v = value) => answerOf(() => map.update(key(i), v, f));
    expect([2, 3, 8, 2 ** 32, 1].map((f) => update(0, f)).join(' ')).toBe(times('EINVAL', 5));
    expect([0, 1, 2, 8].map((f) => update(9, f)).join(' ')).toBe('E2BIG EINVAL EINVAL EINVAL');
    expect([update(1, 0), update(1, 0, u32s(9999)), update(9, 0, u32s(9999))]).toEqual([
      perf ? 'EBADF' : 'ok',
      'EBADF',
      'E2BIG',
    ]);
    const lookups = answers([() => map.lookup(key(1)), () => map.lookup(key(0)), () => map.lookup(key(9))]);
    expect(lookups).toBe(perf ? times('ENOTSUPP', 3) : 'ok ENOENT ENOENT');
    const deletes = [1, 1, 9].map((i) => () => map.delete(key(i)));
    expect(answers(deletes)).toBe(perf ? 'ENOENT ENOENT E2BIG' : 'ok ENOENT E2BIG');
    const next = (i: number | undefined) => () => map.getNextKey(i);
    expect(answers([next(undefined), next(1), next(3), next(9)])).toBe('ok ok ENOENT ok');
    expect(answers([0, 1, 4, 8].map((f) => () => map.lookupAndDelete(key(1), f)))).toBe(
      'ENOTSUPP EINVAL EINVAL EINVAL',
    );
    const maps = name === 'ARRAY_OF_MAPS';
    expect(
      answers([
        () => map.lookupBatch(undefined, 4),
        () => map.lookupAndDeleteBatch(undefined, 4),
        () => map.updateBatch([key(0)], [value]),
        () => map.deleteBatch([key(0)]),
      ]),
    ).toBe(maps ? 'ok ENOTSUPP ok ENOTSUPP' : times('ENOTSUPP', 4));
  });

  it('HASH_OF_MAPS looks at the descriptor before the flags', () => {
    const { map, key, value } = subject('HASH_OF_MAPS');
    const bad = u32s(9999);
    const update = (i: number, f: number, v: Uint8Array) => answerOf(() => map.update(key(i), v, f));
    expect([update(0, 2, value), update(0, 2, bad), update(0, 8, bad), update(0, 8, value)]).toEqual([
      'ENOENT',
      'EBADF',
      'EBADF',
      'EINVAL',
    ]);
    expect([update(1, 1, value), update(1, 1, value), update(1, 2, value)]).toEqual(['ok', 'EEXIST', 'ok']);
    for (let i = 2; i < 5; i++) map.update(key(i), value);
    expect(update(9, 0, value)).toBe('E2BIG');
    expect(answers([() => map.lookupAndDelete(key(1)), () => map.delete(key(1)), () => map.delete(key(1))])).toBe(
      'ENOTSUPP ok ENOENT',
    );
    expect(map.lookupAndDeleteBatch(undefined, 10).keys).toHaveLength(3);
  });

  it('RINGBUF has no elements', () => {
    const { map } = subject('RINGBUF');
    const none = new Uint8Array(0);
    expect(
      answers([
        () => map.lookup(none),
        () => map.update(none, none),
        () => map.delete(none),
        () => map.getNextKey(undefined),
        () => map.lookupAndDelete(none),
        () => map.lookupBatch(undefined, 1),
        () => map.updateBatch([], []),
        () => map.deleteBatch([]),
      ]),
    ).toBe(times('ENOTSUPP', 8));
    expect(answers([() => map.freeze(), () => map.freeze()])).toBe('ok EPERM');
  });
});

describe('rights', () => {
  /** update, update with BPF_F_LOCK, lookup, delete, next key, lookup and delete, freeze, and the batches. */
  function all(name: string, flags: number): string {
    const { map, key, value } = subject(name, { flags });
    return answers([
      () => map.update(key(1), value),
      () => map.update(key(1), value, 4),
      () => map.lookup(key(1)),
      () => map.delete(key(1)),
      () => map.getNextKey(undefined),
      () => map.lookupAndDelete(key(1)),
      () => map.freeze(),
      () => map.lookupBatch(undefined, 1),
      () => map.lookupAndDeleteBatch(undefined, 1),
      () => map.updateBatch([key(1)], [value]),
      () => map.deleteBatch([key(1)]),
    ]);
  }
  const E3 = times('EPERM', 3);

  it.each<[string, number, string]>([
    ['ARRAY', 8, `EPERM EPERM ok EPERM ok EPERM EPERM ok ${E3}`],
    ['ARRAY', 16, `ok EINVAL EPERM EINVAL EPERM EPERM ok EPERM ${E3}`],
    ['ARRAY', 0x80, `ok EINVAL ok EINVAL ok ENOTSUPP ok ok ${E3}`],
    // a batch that finds the map empty is ENOENT for the kernel, and an end here
    ['HASH', 8, `EPERM EPERM ENOENT EPERM ENOENT EPERM EPERM ok ${E3}`],
    ['HASH', 16, `ok EINVAL EPERM ok EPERM EPERM ok EPERM ${E3}`],
    ['HASH', 0x100, `ok EINVAL ok ok ENOENT ENOENT ok ok ${E3}`],
    ['LRU_PERCPU_HASH', 0x80, `ok EINVAL ok ok ENOENT ENOENT ok ok ${E3}`],
    ['LPM_TRIE', 16, `ok EINVAL EPERM ok EPERM EPERM ok EPERM ${E3}`],
    ['PROG_ARRAY', 8, `EPERM EPERM ENOENT EPERM ok EPERM EPERM ENOTSUPP ${E3}`],
    ['PROG_ARRAY', 16, `ok EINVAL EPERM ok EPERM EPERM ok EPERM ${E3}`],
    ['PERF_EVENT_ARRAY', 16, `EBADF EINVAL EPERM ENOENT EPERM EPERM ok EPERM ${E3}`],
    ['HASH_OF_MAPS', 0x100, `ok EINVAL ok ok ENOENT ENOTSUPP ok ok ${E3}`],
  ])('%s with flags %i: %s', (name, flags, answer) => {
    expect(all(name, flags)).toBe(answer);
  });

  it('a map that says nothing of BPF_F_RDONLY', () => {
    expect(subject('HASH', { flags: 8 }).map.info().flags).toBe(0);
  });

  it('a frozen hash', () => {
    const { map, key, value } = subject('HASH');
    map.update(key(1), value);
    map.freeze();
    expect(
      answers([
        () => map.freeze(),
        () => map.update(key(1), value, 9),
        () => map.delete(key(1)),
        () => map.lookupAndDelete(key(1), 8),
        () => map.lookupAndDelete(key(1), 4),
        () => map.lookup(key(1)),
        () => map.getNextKey(undefined),
      ]),
    ).toBe('EPERM EPERM EPERM EINVAL EPERM ok ok');
  });
});

describe('BPF_F_LOCK', () => {
  it.each(['ARRAY', 'HASH'])('%s', (name) => {
    const { map, key } = subject(name, { valueSize: 12, spinLockOffset: 4 });
    const value = u32s(1, 0xdead, 2);
    const update = (i: number, f: number) => answerOf(() => map.update(key(i), value, f));
    if (name === 'HASH') {
      expect([6, 4, 5, 6].map((f) => update(0, f)).join(' ')).toBe('ENOENT ok EEXIST ok');
    }
    map.update(key(1), value);
    const answersByFlag = [4, 5, 6, 7, 8, 0, 1, 2, 3].map((f) => update(1, f)).join(' ');
    expect(answersByFlag).toBe('ok EEXIST ok EINVAL EINVAL ok EEXIST ok EINVAL');
    for (const flags of [0, 4]) expect(map.lookup(key(1), flags)).toEqual(u32s(1, 0, 2)); // the lock is not shown
    expect(answers([() => map.lookup(key(9), 4), () => map.freeze()])).toBe('ENOENT ENOTSUPP');
    expect(update(9, 4)).toBe(name === 'ARRAY' ? 'E2BIG' : 'ok');
    expect(answerOf(() => map.lookupAndDelete(key(1), 4))).toBe(name === 'ARRAY' ? 'ENOTSUPP' : 'ok');
    expect(answerOf(() => map.updateBatch([key(0)], [value], { elemFlags: 4 }))).toBe('ok');
    expect(map.lookupBatch(undefined, 8, { elemFlags: 4 }).values[0]).toEqual(u32s(1, 0, 2));
  });
});
