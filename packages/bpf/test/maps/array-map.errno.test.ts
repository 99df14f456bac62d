/** What the array types answer; all of it asked of Linux 6.18.44 through bpf(2). */
import { BPF_MAP_TYPE, ERRNO, KernelError } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { u32Of } from '../../src/index.ts';
import { answerOf, createMaps } from '../support/maps.ts';

const NR_CPUS = 3;
const { ARRAY, PERCPU_ARRAY } = BPF_MAP_TYPE;

describe.each([
  ['ARRAY', ARRAY],
  ['PERCPU_ARRAY', PERCPU_ARRAY],
] as const)('%s', (_, type) => {
  const perCpu = type === PERCPU_ARRAY;
  const value = new Uint8Array(perCpu ? 8 * NR_CPUS : 8);

  it.each<[Record<string, number>, string]>([
    [{}, 'ok'],
    [{ keySize: 0 }, 'EINVAL'],
    [{ keySize: 8 }, 'EINVAL'],
    [{ valueSize: 0 }, 'EINVAL'],
    [{ maxEntries: 0 }, 'EINVAL'],
    [{ flags: 1 }, 'EINVAL'],
    [{ flags: 2 }, 'EINVAL'],
    [{ flags: 4 }, perCpu ? 'EINVAL' : 'ok'], // BPF_F_NUMA_NODE
    [{ flags: 8 }, 'ok'], // BPF_F_RDONLY
    [{ flags: 16 }, 'ok'],
    [{ flags: 8 | 16 }, 'EINVAL'],
    [{ flags: 32 }, 'EINVAL'],
    [{ flags: 64 }, 'EINVAL'],
    [{ flags: 0x80 }, 'ok'], // BPF_F_RDONLY_PROG
    [{ flags: 0x100 }, 'ok'],
    [{ flags: 0x180 }, 'EINVAL'],
    [{ flags: 1 << 10 }, perCpu ? 'EINVAL' : 'ok'], // BPF_F_MMAPABLE
    [{ flags: 1 << 11 }, 'EINVAL'],
    [{ flags: 1 << 12 }, perCpu ? 'EINVAL' : 'ok'], // BPF_F_INNER_MAP
    [{ flags: 1 << 13 }, 'EINVAL'],
    [{ valueSize: 32768, maxEntries: 1 }, 'ok'],
    [{ valueSize: 32769, maxEntries: 1 }, perCpu ? 'E2BIG' : 'ok'],
    [{ valueSize: 2 ** 31, maxEntries: 1 }, 'E2BIG'],
    [{ valueSize: 2 ** 31, maxEntries: 0 }, 'EINVAL'], // in this order
    [{ maxEntries: 0xffffffff }, 'ENOMEM'],
  ])('create with %j: %s', (spec, answer) => {
    const { create, allocator } = createMaps(NR_CPUS);
    const before = allocator.used;
    expect(answerOf(() => create({ type, ...spec }))).toBe(answer);
    if (answer !== 'ok') expect(allocator.used).toBe(before);
  });

  it.each<[number, number, string]>([
    [0, 0, 'ok'],
    [3, 0, 'ok'],
    [3, 2, 'ok'],
    [0, 1, 'EEXIST'], // every element exists
    [4, 0, 'E2BIG'],
    [4, 1, 'E2BIG'],
    [4, 2, 'E2BIG'],
    [0xffffffff, 0, 'E2BIG'],
    ...[3, 4, 5, 8, 2 ** 40].flatMap((flags) =>
      [0, 4].map((key) => [key, flags, 'EINVAL'] as [number, number, string]),
    ),
  ])('update of key %i with flags %i: %s', (key, flags, answer) => {
    const map = createMaps(NR_CPUS).create({ type });
    expect(answerOf(() => map.update(key, value, flags))).toBe(answer);
  });

  it.each<[number, number, string]>([
    [0, 0, 'ok'],
    [3, 0, 'ok'],
    [4, 0, 'ENOENT'],
    [0xffffffff, 0, 'ENOENT'],
    [0, 1, 'EINVAL'],
    [4, 4, 'EINVAL'],
  ])('lookup of key %i with flags %i: %s', (key, flags, answer) => {
    const map = createMaps(NR_CPUS).create({ type });
    expect(answerOf(() => map.lookup(key, flags))).toBe(answer);
  });

  it.each([0, 3, 4])('delete of key %i: EINVAL', (key) => {
    expect(answerOf(() => createMaps(NR_CPUS).create({ type }).delete(key))).toBe('EINVAL');
  });

  it.each([
    [undefined, 0],
    [0, 1],
    [2, 3],
    [4, 0],
    [0xffffffff, 0],
  ])('the key after %j is %i', (key, next) => {
    expect(u32Of(createMaps(NR_CPUS).create({ type }).getNextKey(key))).toBe(next);
  });

  it('there is no key after the last: ENOENT', () => {
    expect(answerOf(() => createMaps(NR_CPUS).create({ type }).getNextKey(3))).toBe('ENOENT');
  });

  it('a frozen map can be read, and nothing else, not even frozen again', () => {
    const map = createMaps(NR_CPUS).create({ type });
    map.freeze();
    expect([
      answerOf(() => map.update(9, value, 7)),
      answerOf(() => map.delete(0)),
      answerOf(() => map.lookupAndDelete(0)),
      answerOf(() => map.freeze()),
      answerOf(() => map.lookup(0)),
      answerOf(() => map.getNextKey(0)),
    ]).toEqual(['EPERM', 'EPERM', 'EPERM', 'EPERM', 'ok', 'ok']);
  });

  it('LOOKUP_AND_DELETE is ENOTSUPP, 524', () => {
    const map = createMaps(NR_CPUS).create({ type });
    expect(() => map.lookupAndDelete(0)).toThrow(expect.objectContaining({ code: 'ENOTSUPP', errno: 524 }));
  });
});

describe('every refusal', () => {
  it('is a KernelError with code, errno, syscall and a hint', () => {
    const { create } = createMaps();
    const map = create();
    const refusals: [() => unknown, string, string][] = [
      [() => create({ keySize: 1 }), 'EINVAL', 'bpf(BPF_MAP_CREATE)'],
      [() => create({ type: BPF_MAP_TYPE.STRUCT_OPS }), 'EINVAL', 'bpf(BPF_MAP_CREATE)'],
      [() => map.update(4, new Uint8Array(8)), 'E2BIG', 'bpf(BPF_MAP_UPDATE_ELEM)'],
      [() => map.lookup(4), 'ENOENT', 'bpf(BPF_MAP_LOOKUP_ELEM)'],
      [() => map.delete(0), 'EINVAL', 'bpf(BPF_MAP_DELETE_ELEM)'],
      [() => map.getNextKey(3), 'ENOENT', 'bpf(BPF_MAP_GET_NEXT_KEY)'],
      [() => map.deleteBatch([]), 'ENOTSUPP', 'bpf(BPF_MAP_DELETE_BATCH)'],
    ];
    for (const [act, code, syscall] of refusals) {
      const error = (() => {
        try {
          return act();
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toBeInstanceOf(KernelError);
      expect(error).toMatchObject({ code, errno: ERRNO[code as 'EINVAL'], syscall, hint: expect.stringMatching(/\w/) });
    }
  });
});
