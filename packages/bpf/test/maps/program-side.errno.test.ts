/**
 * What the helpers of maps answer to programs; asked of Linux 6.18.44 by programs that call them with BPF_PROG_TEST_RUN. The
 * types that its verifier keeps from a helper are -EINVAL here.
 */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import type { MapSpec } from '../../src/index.ts';
import { createMaps, nameOf, u32s } from '../support/maps.ts';

const T = BPF_MAP_TYPE;
const SPECS: Record<string, Partial<MapSpec>> = {
  LPM_TRIE: { keySize: 8, flags: 1 },
  PROG_ARRAY: { valueSize: 4 },
  PERF_EVENT_ARRAY: { valueSize: 4 },
  ARRAY_OF_MAPS: { valueSize: 4, innerMapFd: 1 },
  HASH_OF_MAPS: { valueSize: 4, innerMapFd: 1 },
  RINGBUF: { keySize: 0, valueSize: 0, maxEntries: 4096 },
};

function subject(name: string) {
  const maps = createMaps(2);
  maps.create();
  const map = maps.create({ type: T[name as 'HASH'], ...SPECS[name] });
  const ops = maps.ops(0);
  const value = maps.place(u32s(7, 7));
  const key = (i: number, length = 32): number => maps.place(name === 'LPM_TRIE' ? u32s(length, i) : u32s(i));
  return {
    maps,
    map,
    ops,
    update: (i: number, flags: number) => nameOf(ops.update(map.pointer, key(i), value, flags)),
    remove: (i: number) => nameOf(ops.delete(map.pointer, key(i))),
    lookup: (i: number) => ops.lookup(map.pointer, key(i)),
    key,
    value,
  };
}

describe.each(['ARRAY', 'PERCPU_ARRAY'])('%s', (name) => {
  it('answers as Linux does', () => {
    const { update, remove, lookup } = subject(name);
    expect([0, 1, 2, 3, 4, 5, 8, 2 ** 32].map((f) => update(1, f)).join(' ')).toBe(
      'ok EEXIST ok EINVAL EINVAL EEXIST EINVAL EINVAL',
    );
    expect([0, 1, 2, 8].map((f) => update(9, f)).join(' ')).toBe('E2BIG E2BIG E2BIG EINVAL');
    expect([1, 9].map(remove)).toEqual(['EINVAL', 'EINVAL']);
    expect([lookup(1) !== 0, lookup(9), lookup(0xffffffff)]).toEqual([true, 0, 0]);
  });

  it('a program writes its own CPU only', () => {
    const { map, update } = subject(name);
    expect(update(2, 0)).toBe('ok');
    expect(map.lookup(2)).toEqual(name === 'ARRAY' ? u32s(7, 7) : u32s(7, 7, 0, 0));
  });
});

describe.each(['HASH', 'PERCPU_HASH', 'LRU_HASH', 'LRU_PERCPU_HASH', 'LPM_TRIE'])('%s', (name) => {
  it('answers as Linux does', () => {
    const { update, remove, lookup } = subject(name);
    expect([2, 3, 4, 5, 8, 2 ** 32, 1, 1, 0, 2].map((f) => update(1, f)).join(' ')).toBe(
      'ENOENT EINVAL EINVAL EINVAL EINVAL EINVAL ok EEXIST ok ok',
    );
    expect([lookup(1) !== 0, lookup(99)]).toEqual([true, 0]);
    expect([remove(1), remove(1), remove(99), lookup(1)]).toEqual(['ok', 'ENOENT', 'ENOENT', 0]);
    const full = name.startsWith('LRU') ? 'ok' : name === 'LPM_TRIE' ? 'ENOSPC' : 'E2BIG';
    expect([10, 11, 12, 13, 14, 15].map((i) => update(i, 0)).join(' ')).toBe(`ok ok ok ok ${full} ${full}`);
  });
});

it('a prefix that is longer than the data: EINVAL, and no match', () => {
  const { map, ops, key, value } = subject('LPM_TRIE');
  const at = key(0, 33);
  expect([ops.update(map.pointer, at, value, 0), ops.delete(map.pointer, at), ops.lookup(map.pointer, at)]).toEqual([
    -22, -22, 0,
  ]);
});

describe.each(['PROG_ARRAY', 'PERF_EVENT_ARRAY', 'RINGBUF', 'ARRAY_OF_MAPS', 'HASH_OF_MAPS'])('%s', (name) => {
  it('is not for programs to change or walk', () => {
    const { map, ops, update, remove, lookup } = subject(name);
    expect([update(0, 0), remove(0), lookup(0), ops.forEach(map.pointer, () => 0)]).toEqual([
      'EINVAL',
      'EINVAL',
      0,
      -22,
    ]);
  });
});

it('maps of other packages are NULL', () => {
  const { maps, map, ops, update, lookup } = subject('ARRAY');
  for (const type of [T.CPUMAP, T.DEVMAP, T.XSKMAP]) {
    maps.memory.u32[map.pointer >> 2] = type;
    expect([lookup(0), update(0, 0), ops.progAt(map.pointer, 0)]).toEqual([0, 'EINVAL', 0]);
  }
});

describe('bpf_for_each_map_elem of an array', () => {
  it('visits indexes in order until a visit returns 1, also within another walk', () => {
    const { maps, map, ops } = subject('PERCPU_ARRAY');
    const { u32 } = maps.memory;
    const seen: string[] = [];
    const count = ops.forEach(map.pointer, (m, key, value) => {
      const outer = u32[key >> 2]!;
      expect([m, value]).toEqual([map.pointer, ops.lookup(map.pointer, key)]);
      const inner = ops.forEach(map.pointer, (_, innerKey) => {
        seen.push(`${outer}${u32[innerKey >> 2]}`);
        return u32[innerKey >> 2] === outer ? 1 : 0;
      });
      expect([inner, u32[key >> 2]]).toEqual([outer + 1, outer]);
      return outer === 2 ? 1 : 0;
    });
    expect([count, seen.join(' ')]).toEqual([3, '00 10 11 20 21 22']);
  });

  it('works again after a visitor threw', () => {
    const { map, ops } = subject('ARRAY');
    for (let i = 0; i < 20; i++) {
      expect(() =>
        ops.forEach(map.pointer, () => {
          throw new Error('fault');
        }),
      ).toThrow('fault');
    }
    expect(ops.forEach(map.pointer, () => 0)).toBe(4);
  });
});

describe('bpf_spin_lock', () => {
  it.each(['ARRAY', 'HASH'])('of %s: a program with BPF_F_LOCK, and the lock it holds itself', (name) => {
    const maps = createMaps(2);
    const map = maps.create({ type: T[name as 'HASH'], valueSize: 12, spinLockOffset: 4 });
    const ops = maps.ops(1);
    const key = maps.place(u32s(1));
    const value = maps.place(u32s(5, 0xbad, 6), 1);
    expect([0, 4, 5, 6, 7].map((f) => nameOf(ops.update(map.pointer, key, value, f))).join(' ')).toBe(
      'ok ok EEXIST ok EINVAL',
    );
    const at = ops.lookup(map.pointer, key);
    ops.spinLock(at + 4);
    expect(maps.memory.u32[(at + 4) >> 2]).toBe(1);
    expect(map.lookup(1)).toEqual(u32s(5, 0, 6));
    ops.spinUnlock(at + 4);
    expect(map.lookup(1, 4)).toEqual(u32s(5, 0, 6));
  });
});
