/** What creating each type answers; all of it asked of Linux 6.18.44 through bpf(2). */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import type { MapSpec } from '../../src/index.ts';
import { answerOf, createMaps } from '../support/maps.ts';

const T = BPF_MAP_TYPE;
type Change = Partial<MapSpec>;
type Row = [keyof typeof BPF_MAP_TYPE, Change, string];

/** The answer to every single flag of BPF_MAP_CREATE, bit 0 to 13, beside `base`: o ok, . EINVAL, n ENOTSUPP. */
const FLAGS: Row[] = [
  ['HASH', {}, 'o.ooo.ooo.....'],
  ['PERCPU_HASH', {}, 'o..oo.ooo.....'],
  ['LRU_HASH', {}, 'noooo.ooo.....'],
  ['LRU_PERCPU_HASH', {}, 'no.oo.ooo.....'],
  ['LPM_TRIE', { keySize: 8 }, 'o.............'],
  ['LPM_TRIE', { keySize: 8, flags: 1 }, 'o.ooo..oo.....'],
  ['PROG_ARRAY', { valueSize: 4 }, '..ooo.........'],
  ['PERF_EVENT_ARRAY', { valueSize: 4 }, '..ooo......o..'],
  ['ARRAY_OF_MAPS', { valueSize: 4, innerMapFd: 1 }, '..ooo.........'],
  ['HASH_OF_MAPS', { valueSize: 4, innerMapFd: 1 }, 'o.ooo.ooo.....'],
  ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 }, '..o...........'],
];

/** A machine with an array, of id 1, to stand for inner maps. */
function machine() {
  const maps = createMaps(2);
  maps.create();
  return maps;
}

describe('flags', () => {
  it.each(FLAGS)('of %s with %j: %s', (name, base, answers) => {
    const { create } = machine();
    const got = [...answers].map((_, bit) => {
      const answer = answerOf(() => create({ type: T[name], ...base, flags: (base.flags ?? 0) | (1 << bit) }));
      return answer === 'ok' ? 'o' : answer === 'ENOTSUPP' ? 'n' : answer === 'EINVAL' ? '.' : answer;
    });
    expect(got.join('')).toBe(answers);
  });

  it.each<Row>([
    ['HASH', { flags: 0x18 }, 'EINVAL'],
    ['HASH', { flags: 0x180 }, 'EINVAL'],
    ['HASH', { flags: 0x181 }, 'EINVAL'],
    ['LRU_HASH', { flags: 0x181 }, 'EINVAL'],
    ['LRU_HASH', { flags: 3 }, 'ENOTSUPP'],
    ['LRU_HASH', { flags: 1, keySize: 0 }, 'ENOTSUPP'],
    ['LRU_HASH', { flags: 6 }, 'EINVAL'],
    ['LRU_PERCPU_HASH', { flags: 5 }, 'ENOTSUPP'],
    ['LPM_TRIE', { keySize: 8, flags: 0x181 }, 'EINVAL'],
  ])('of %s with %j: %s', (name, change, answer) => {
    expect(answerOf(() => machine().create({ type: T[name], ...change }))).toBe(answer);
  });
});

describe('sizes', () => {
  const HASHES = ['HASH', 'PERCPU_HASH', 'LRU_HASH', 'LRU_PERCPU_HASH'] as const;
  const small = { maxEntries: 1 };
  const tables: [Change, string, string?][] = [
    [{ keySize: 0 }, 'EINVAL'],
    [{ keySize: 1 }, 'ok'],
    [{ keySize: 513 }, 'ok'],
    [{ valueSize: 0 }, 'EINVAL'],
    [{ valueSize: 5 }, 'ok'],
    [{ maxEntries: 0 }, 'EINVAL'],
    [{ ...small, valueSize: 32768 }, 'ok'],
    [{ ...small, valueSize: 32769 }, 'ok', 'E2BIG'],
    [{ ...small, valueSize: 2 ** 31 }, 'E2BIG'],
    [{ valueSize: 2 ** 31, maxEntries: 0 }, 'EINVAL'],
    [{ ...small, keySize: 2 ** 22 }, 'E2BIG'],
    [{ ...small, keySize: 8, valueSize: 4194247 }, 'ok', 'E2BIG'],
    [{ ...small, keySize: 8, valueSize: 4194248 }, 'E2BIG'],
    [{ maxEntries: 2 ** 31 + 1 }, 'E2BIG'],
  ];
  it.each(tables)('of hashes, %j: %s', (change, shared, perCpu = shared) => {
    for (const name of HASHES) {
      const { create, allocator } = createMaps(2, 32 * 1024 * 1024);
      const answer = answerOf(() => create({ type: T[name], ...change }));
      expect([name, answer]).toEqual([name, name.includes('PERCPU') ? perCpu : shared]);
      if (answer !== 'ok') expect(allocator.used).toBe(0);
    }
  });

  it.each<Row>([
    ...[4, 261, 0, 513].map((keySize): Row => ['LPM_TRIE', { keySize, flags: 1 }, 'EINVAL']),
    ...[5, 7, 8, 260].map((keySize): Row => ['LPM_TRIE', { keySize, flags: 1 }, 'ok']),
    ['LPM_TRIE', { keySize: 8, flags: 1, valueSize: 0 }, 'EINVAL'],
    ['LPM_TRIE', { keySize: 8, flags: 1, maxEntries: 0 }, 'EINVAL'],
    ['LPM_TRIE', { keySize: 8, flags: 1, valueSize: 2 ** 31 }, 'EINVAL'],
    ['PROG_ARRAY', { valueSize: 8 }, 'EINVAL'],
    ['PROG_ARRAY', { valueSize: 4, keySize: 8 }, 'EINVAL'],
    ['PROG_ARRAY', { valueSize: 4, maxEntries: 0 }, 'EINVAL'],
    ['PERF_EVENT_ARRAY', { valueSize: 5 }, 'EINVAL'],
    ['RINGBUF', { keySize: 4, valueSize: 0, maxEntries: 4096 }, 'EINVAL'],
    ['RINGBUF', { keySize: 0, valueSize: 4, maxEntries: 4096 }, 'EINVAL'],
    ...[0, 1, 2048, 4097, 6144, 12288].map(
      (maxEntries): Row => ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries }, 'EINVAL'],
    ),
    ['RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 8192 }, 'ok'],
    ['ARRAY_OF_MAPS', { valueSize: 4 }, 'EINVAL'],
    ['ARRAY_OF_MAPS', { valueSize: 4, innerMapFd: 999 }, 'EBADF'],
    ['ARRAY_OF_MAPS', { valueSize: 8, innerMapFd: 999 }, 'EINVAL'],
    ['HASH_OF_MAPS', { valueSize: 4 }, 'EINVAL'],
    ['HASH_OF_MAPS', { valueSize: 4, innerMapFd: 999 }, 'EBADF'],
    ['HASH_OF_MAPS', { valueSize: 5, innerMapFd: 1 }, 'EINVAL'],
    ['HASH_OF_MAPS', { valueSize: 4, keySize: 0, innerMapFd: 1 }, 'EINVAL'],
  ])('of %s, %j: %s', (name, change, answer) => {
    expect(answerOf(() => machine().create({ type: T[name], ...change }))).toBe(answer);
  });
});

describe('a value with a bpf_spin_lock', () => {
  const spec = { valueSize: 12, spinLockOffset: 4 };
  it.each<Row>([
    ['ARRAY', {}, 'ok'],
    ['HASH', {}, 'ok'],
    ['HASH', { flags: 16 }, 'ok'],
    ['PERCPU_ARRAY', {}, 'EOPNOTSUPP'],
    ['PERCPU_HASH', {}, 'EOPNOTSUPP'],
    ['LRU_HASH', {}, 'EOPNOTSUPP'],
    ['LRU_PERCPU_HASH', {}, 'EOPNOTSUPP'],
    ['LPM_TRIE', { keySize: 8, flags: 1 }, 'EOPNOTSUPP'],
    ['ARRAY', { flags: 0x80 }, 'EACCES'],
    ['PERCPU_ARRAY', { flags: 0x80 }, 'EACCES'],
    ['ARRAY', { spinLockOffset: 10 }, 'EINVAL'],
    ['ARRAY', { spinLockOffset: 12 }, 'EINVAL'],
  ])('in %s with %j: %s', (name, change, answer) => {
    expect(answerOf(() => createMaps().create({ type: T[name], ...spec, ...change }))).toBe(answer);
  });
});
