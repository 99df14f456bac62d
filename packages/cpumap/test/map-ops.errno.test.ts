/** What the map's operations answer, and which check comes first: the tables of Linux 6.18.44, and of 4.15. */
import { type BpfMap, type BpfProgram, createMap, u32Of } from '@cpumap/bpf';
import { BPF_ATTACH_TYPE, ERRNO, KernelError, RELEASES, type Release, XDP_PASS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { answerOf, createBench } from './support/bench.ts';

const FLAGS = [0, 1, 2, 3, 4, 5, 8, 2 ** 31, 2 ** 40];

describe('create', () => {
  it.each<[Release, number[]]>([
    ['6.18', [4, 8]],
    ['4.15', [4]],
  ])('on %s takes values of %j bytes', (release, good) => {
    const { create } = createBench(release);
    for (const valueSize of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16]) {
      expect([valueSize, answerOf(() => create({ valueSize }))]).toEqual([
        valueSize,
        good.includes(valueSize) ? 'ok' : 'EINVAL',
      ]);
    }
  });

  it.each(RELEASES)('on %s', (release) => {
    const { create } = createBench(release);
    const table: [Record<string, number>, string][] = [
      ...[0, 1, 2, 3, 5, 8].map((keySize) => [{ keySize }, 'EINVAL'] as [Record<string, number>, string]),
      ...[1, 255, 256].map((maxEntries) => [{ maxEntries }, 'ok'] as [Record<string, number>, string]),
      ...[257, 512, 65536, 2 ** 32 - 1].map(
        (maxEntries) => [{ maxEntries }, 'E2BIG'] as [Record<string, number>, string],
      ),
      [{ maxEntries: 0 }, 'EINVAL'],
      [{ maxEntries: 257, valueSize: 5 }, 'EINVAL'], // EINVAL is first
      [{ maxEntries: 257, keySize: 8 }, 'EINVAL'],
      [{ maxEntries: 257, flags: 1 }, 'EINVAL'],
      [{ flags: 4 }, 'ok'], // BPF_F_NUMA_NODE
      [{ flags: 4 | 1 }, 'EINVAL'],
    ];
    for (let bit = 0; bit < 32; bit++) if (bit !== 2) table.push([{ flags: 2 ** bit }, 'EINVAL']);
    for (const [spec, answer] of table) expect([spec, answerOf(() => create(spec))]).toEqual([spec, answer]);
  });
});

const CPUS = 3;
const MAX_ENTRIES = 6;
const KEYS = [0, 1, CPUS - 1, CPUS, MAX_ENTRIES - 1, MAX_ENTRIES, 2 ** 31, 2 ** 32 - 1];
const QSIZES = [0, 1, 64, 16_384, 16_385, 99_999, 2 ** 31 - 1, 2 ** 32 - 1];

/** The checks of an update, the first that fails decides; the last says whether the program fits. */
function expected(flags: number, key: number, qsize: number, program: boolean): string {
  if (flags > 2) return 'EINVAL';
  if (key >= MAX_ENTRIES) return 'E2BIG';
  if (flags === 1) return 'EEXIST'; // also when the slot is empty
  if (qsize > 16_384) return 'EOVERFLOW';
  if (key >= CPUS) return 'ENODEV'; // not a possible CPU
  return qsize === 0 || program ? 'ok' : 'ENOMEM'; // a delete looks at no program
}

describe.each(RELEASES)('update on %s', (release) => {
  it.each([false, true])('all flags, keys and sizes, on a slot that is filled: %s', (filled) => {
    const bench = createBench(release, { cpus: CPUS });
    for (const flags of FLAGS) {
      for (const key of KEYS) {
        for (const qsize of QSIZES) {
          const map = bench.create({ maxEntries: MAX_ENTRIES });
          if (filled) for (let cpu = 0; cpu < CPUS; cpu++) bench.set(map, cpu, 7);
          const answer = answerOf(() => map.update(key, bench.value(map, qsize), flags));
          expect({ flags, key, qsize, answer }).toEqual({
            flags,
            key,
            qsize,
            answer: expected(flags, key, qsize, true),
          });
          // what failed changed nothing
          const [before, after] = [filled && key < CPUS ? 7 : 0, answer === 'ok' ? qsize : undefined];
          expect({ flags, key, qsize, read: read(map, key) }).toEqual({ flags, key, qsize, read: after ?? before });
          map.close();
        }
      }
    }
  });

  it('the same key that is too large is E2BIG here, EINVAL for delete, ENOENT for lookup', () => {
    const map = createBench(release).create();
    for (const key of [3, 4, 2 ** 32 - 1]) {
      expect([
        answerOf(() => map.update(key, new Uint8Array(map.info().valueSize))),
        answerOf(() => map.delete(key)),
        answerOf(() => map.lookup(key)),
      ]).toEqual(['E2BIG', 'EINVAL', 'ENOENT']);
    }
  });
});

/** The qsize of a slot, 0 when it is empty. */
function read(map: BpfMap, key: number): number {
  return answerOf(() => map.lookup(key)) === 'ok' ? new DataView(map.lookup(key).buffer).getUint32(0, true) : 0;
}

describe('programs in entries, on 6.18', () => {
  const bench = createBench('6.18', { cpus: CPUS });
  const load = (options: Partial<BpfProgram> = {}): number => bench.program(() => XDP_PASS, options).id;
  const FDS: [string, number, boolean][] = [
    ['0', 0, true],
    ['negative', -1, true],
    ['the most negative', -(2 ** 31), true],
    ['of nothing', 999, false],
    ['of a map', -2, false], // filled in below
    ['of a program for devices', load({ expectedAttachType: BPF_ATTACH_TYPE.XDP }), false],
    ['of a program for devmap entries', load({ expectedAttachType: BPF_ATTACH_TYPE.XDP_DEVMAP }), false],
    ['of a program for cpumap entries', load(), true],
  ];

  it.each(FDS)('a descriptor that is %s', (what, descriptor, fits) => {
    for (const flags of [0, 1, 2, 3]) {
      for (const key of KEYS) {
        for (const qsize of QSIZES) {
          const map = bench.create({ maxEntries: MAX_ENTRIES });
          const fd = what === 'of a map' ? map.id : descriptor;
          const answer = answerOf(() => map.update(key, bench.value(map, qsize, fd), flags));
          expect({ flags, key, qsize, answer }).toEqual({
            flags,
            key,
            qsize,
            answer: expected(flags, key, qsize, fits),
          });
          if (answer === 'ok' && qsize > 0) {
            const id = new DataView(map.lookup(key).buffer).getUint32(4, true);
            expect(id).toBe(Math.max(fd, 0)); // read back as the id
          }
          map.close();
        }
      }
    }
  });

  it('an unfit program leaves the entry as it was', () => {
    const map = bench.create();
    const fd = load();
    bench.set(map, 1, 64, fd);
    expect(answerOf(() => bench.set(map, 1, 128, 999))).toBe('ENOMEM');
    expect([...new Uint32Array(map.lookup(1).buffer)]).toEqual([64, fd]);
    map.close();
  });

  it('with 4-byte values there is no program to read', () => {
    const map = bench.create({ valueSize: 4 });
    bench.set(map, 1, 64);
    expect(map.lookup(1)).toEqual(Uint8Array.of(64, 0, 0, 0));
    map.close();
  });
});

describe.each(RELEASES)('the other operations on %s', (release) => {
  it('lookup: only filled slots, no flags', () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 16_384);
    expect([0, 1, 2].map((key) => answerOf(() => map.lookup(key)))).toEqual(['ENOENT', 'ok', 'ENOENT']);
    expect(map.lookup(1)).toHaveLength(release === '4.15' ? 4 : 8);
    for (const flags of FLAGS.slice(1)) expect(answerOf(() => map.lookup(1, flags))).toBe('EINVAL');
  });

  it('delete: 0 for every key of the map, filled, empty, or of a CPU that is not possible', () => {
    const bench = createBench(release, { cpus: CPUS });
    const map = bench.create({ maxEntries: MAX_ENTRIES });
    bench.set(map, 1, 8);
    for (let key = 0; key < MAX_ENTRIES; key++) {
      expect([answerOf(() => map.delete(key)), answerOf(() => map.delete(key))]).toEqual(['ok', 'ok']);
      expect(answerOf(() => map.lookup(key))).toBe('ENOENT');
    }
  });

  it('get_next_key walks all indexes, empty ones too', () => {
    const map = createBench(release).create({ maxEntries: 4 });
    const table = [undefined, 0, 1, 2, 3, 4, 5, 2 ** 32 - 1];
    const next = table.map((key) => answerOf(() => map.getNextKey(key)) === 'ok' && u32Of(map.getNextKey(key)));
    expect(next).toEqual([0, 1, 2, 3, false, 0, 0, 0]);
    expect(answerOf(() => map.getNextKey(3))).toBe('ENOENT');
  });

  it('LOOKUP_AND_DELETE and the batches: ENOTSUPP', () => {
    const map = createBench(release).create();
    const acts = [
      () => map.lookupAndDelete(1),
      () => map.lookupBatch(undefined, 1),
      () => map.lookupAndDeleteBatch(undefined, 1),
      () => map.updateBatch([], []),
      () => map.deleteBatch([]),
    ];
    for (const act of acts) expect(answerOf(act)).toBe('ENOTSUPP');
  });

  it('a frozen map: EPERM before any other check; entries stay and work', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 8);
    map.freeze();
    for (const key of [0, 1, 99]) {
      expect(answerOf(() => map.update(key, bench.value(map, 99_999), 7))).toBe('EPERM');
      expect(answerOf(() => map.delete(key))).toBe('EPERM');
    }
    expect(read(map, 1)).toBe(8);
    bench.begin(0);
    expect(bench.redirect(map, 1)).toBe(0);
    await bench.end();
    expect(bench.delivered).toHaveLength(1);
  });
});

describe('every refusal', () => {
  const bench = createBench('6.18', { cpus: CPUS });
  const map = bench.create({ maxEntries: MAX_ENTRIES });
  it.each<[string, string, () => unknown, RegExp]>([
    ['EINVAL', 'bpf(BPF_MAP_CREATE)', () => bench.create({ valueSize: 5 }), /4 or 8/],
    ['E2BIG', 'bpf(BPF_MAP_CREATE)', () => bench.create({ maxEntries: 1024 }), /NR_CPUS \(256\)/],
    ['EINVAL', 'bpf(BPF_MAP_UPDATE_ELEM)', () => map.update(0, bench.value(map, 1), 3), /flags 3/],
    ['E2BIG', 'bpf(BPF_MAP_UPDATE_ELEM)', () => bench.set(map, 6, 1), /key 6, but the map has 6 entries/],
    ['EEXIST', 'bpf(BPF_MAP_UPDATE_ELEM)', () => map.update(0, bench.value(map, 1), 1), /BPF_ANY or BPF_EXIST/],
    ['EOVERFLOW', 'bpf(BPF_MAP_UPDATE_ELEM)', () => bench.set(map, 0, 16_385), /at most 16384/],
    ['ENODEV', 'bpf(BPF_MAP_UPDATE_ELEM)', () => bench.set(map, 4, 1), /CPUs 0 to 2/],
    ['ENOMEM', 'bpf(BPF_MAP_UPDATE_ELEM)', () => bench.set(map, 0, 1, 999), /descriptor 999/],
    ['EINVAL', 'bpf(BPF_MAP_DELETE_ELEM)', () => map.delete(6), /6 entries/],
    ['ENOENT', 'bpf(BPF_MAP_LOOKUP_ELEM)', () => map.lookup(2), /no entry for CPU 2/],
    ['ENOENT', 'bpf(BPF_MAP_GET_NEXT_KEY)', () => map.getNextKey(5), /5 was the last/],
    ['EINVAL', 'bpf(BPF_MAP_LOOKUP_ELEM)', () => map.lookup(2, 8), /flags 8/],
  ])('%s of %s says why', (code, syscall, act, hint) => {
    let thrown: unknown;
    try {
      act();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(KernelError);
    expect(thrown).toMatchObject({ code, syscall, errno: ERRNO[code as 'EINVAL'], hint: expect.stringMatching(hint) });
    expect((thrown as Error).message).toContain(`(${code})`);
  });

  it('of a type that is not registered is EINVAL', () => {
    const { memory } = bench;
    const spec = { type: 1, keySize: 4, valueSize: 4, maxEntries: 1 };
    expect(answerOf(() => createMap({ memory, allocator: undefined as never, types: new Map() }, spec, 1))).toBe(
      'EINVAL',
    );
  });
});
