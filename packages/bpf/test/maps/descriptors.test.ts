/** PROG_ARRAY and the maps of maps: what fits in them, and how long inner maps live. Answers of Linux 6.18.44. */
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import type { MapSpec } from '../../src/index.ts';
import { answerOf, createMaps, u32s } from '../support/maps.ts';

const T = BPF_MAP_TYPE;
const { XDP, XDP_CPUMAP } = BPF_ATTACH_TYPE;

describe('PROG_ARRAY', () => {
  it('is read as ids, by user space and by programs', () => {
    const maps = createMaps();
    const map = maps.create({ type: T.PROG_ARRAY, valueSize: 4 });
    const ops = maps.ops(0);
    maps.program({ id: 77 });
    map.update(2, u32s(77));
    expect(map.lookup(2)).toEqual(u32s(77));
    expect([0, 2, 4, -1].map((index) => ops.progAt(map.pointer, index))).toEqual([0, 77, 0, 0]);
    map.delete(2);
    expect(ops.progAt(map.pointer, 2)).toBe(0);
  });

  it('the first program fixes attach type and frags', () => {
    const maps = createMaps();
    const map = maps.create({ type: T.PROG_ARRAY, valueSize: 4 });
    const put = (id: number) => answerOf(() => map.update(0, u32s(id)));
    maps.program({ id: 101, expectedAttachType: XDP });
    maps.program({ id: 102, expectedAttachType: XDP_CPUMAP });
    maps.program({ id: 103, expectedAttachType: XDP, frags: true });
    maps.program({ id: 104, expectedAttachType: XDP });
    expect([101, 102, 103, 104].map(put)).toEqual(['ok', 'EINVAL', 'EINVAL', 'ok']);
    expect(map.lookup(0)).toEqual(u32s(104));
    map.close();
    const next = maps.create({ type: T.PROG_ARRAY, valueSize: 4 });
    expect(answerOf(() => next.update(0, u32s(103)))).toBe('ok');
  });
});

it('a PROG_ARRAY holds programs of one kind, for one event: what is proved of one context is not of another', () => {
  const { TRACEPOINT, RAW_TRACEPOINT, TRACING } = BPF_PROG_TYPE;
  const record = { type: TRACEPOINT, expectedAttachType: 0, attachTo: 'xdp_exception' };
  const arguments_ = { type: TRACING, expectedAttachType: BPF_ATTACH_TYPE.TRACE_RAW_TP, attachTo: 'xdp_exception' };
  const others = [
    [record, { ...record, type: RAW_TRACEPOINT }],
    [record, { ...record, attachTo: 'xdp_cpumap_enqueue' }],
    [record, { type: BPF_PROG_TYPE.XDP, expectedAttachType: 0, attachTo: undefined }],
    [arguments_, { ...arguments_, attachTo: 'xdp_cpumap_kthread' }],
  ] as const;
  for (const [owner, other] of others) {
    const maps = createMaps();
    const map = maps.create({ type: T.PROG_ARRAY, valueSize: 4 });
    maps.program({ id: 101, ...owner });
    maps.program({ id: 102, ...other });
    maps.program({ id: 103, ...owner });
    expect([101, 102, 103].map((id) => answerOf(() => map.update(0, u32s(id))))).toEqual(['ok', 'EINVAL', 'ok']);
  }
});

it('a program that uses a PROG_ARRAY becomes its owner, or is refused', () => {
  const maps = createMaps();
  const map = maps.create({ type: T.PROG_ARRAY, valueSize: 4 });
  const uses = (program: { id: number; frags?: boolean }) =>
    answerOf(() => maps.types.get(T.PROG_ARRAY)?.programUses?.(map.pointer, maps.program(program)));
  expect([uses({ id: 101 }), uses({ id: 102, frags: true })]).toEqual(['ok', 'EINVAL']);
  expect(answerOf(() => map.update(0, u32s(102)))).toBe('EINVAL');
});

it('a descriptor of something else is EINVAL, of nothing EBADF', () => {
  const maps = createMaps();
  const inner = maps.create();
  maps.program({ id: 101 });
  const programs = maps.create({ type: T.PROG_ARRAY, valueSize: 4 });
  expect([inner.id, 9999].map((fd) => answerOf(() => programs.update(0, u32s(fd))))).toEqual(['EINVAL', 'EBADF']);
  for (const type of [T.ARRAY_OF_MAPS, T.HASH_OF_MAPS]) {
    const outer = maps.create({ type, valueSize: 4, innerMapFd: inner.id });
    expect([101, 9999].map((fd) => answerOf(() => outer.update(0, u32s(fd))))).toEqual(['EINVAL', 'EBADF']);
    const create = (innerMapFd: number) => answerOf(() => maps.create({ type, valueSize: 4, innerMapFd }));
    expect([101, 9999].map(create)).toEqual(['EINVAL', 'EBADF']);
  }
});

describe.each([
  ['ARRAY_OF_MAPS', T.ARRAY_OF_MAPS],
  ['HASH_OF_MAPS', T.HASH_OF_MAPS],
] as const)('%s', (_, type) => {
  it.each<[Partial<MapSpec>, Partial<MapSpec>, string]>([
    [{}, {}, 'ok'],
    [{}, { maxEntries: 5 }, 'EINVAL'],
    [{}, { valueSize: 4 }, 'EINVAL'],
    [{}, { type: T.PERCPU_ARRAY }, 'EINVAL'],
    [{}, { flags: 4 }, 'EINVAL'],
    [{}, { flags: 0x80 }, 'EINVAL'],
    [{}, { flags: 8 }, 'ok'], // BPF_F_RDONLY is the descriptor's
    [{}, { flags: 0x1000 }, 'EINVAL'],
    [{ flags: 0x1000 }, { flags: 0x1000, maxEntries: 5 }, 'ok'], // BPF_F_INNER_MAP
    [{ flags: 0x1000 }, { flags: 0x1000, maxEntries: 1 }, 'ok'],
    [{ flags: 0x1000 }, { maxEntries: 5 }, 'EINVAL'],
    [{ type: T.HASH }, { type: T.HASH, maxEntries: 5 }, 'ok'],
    [{ type: T.HASH }, { type: T.HASH, flags: 1 }, 'EINVAL'],
    [{ type: T.HASH }, { type: T.LRU_HASH }, 'EINVAL'],
    [{ type: T.HASH }, { type: T.HASH, keySize: 8 }, 'EINVAL'],
    [{ type: T.PERCPU_ARRAY }, { type: T.PERCPU_ARRAY, maxEntries: 5 }, 'ok'],
    [{ valueSize: 12, spinLockOffset: 4 }, { valueSize: 12 }, 'EINVAL'],
    [{ valueSize: 12 }, { valueSize: 12, spinLockOffset: 4 }, 'EINVAL'],
    [{ valueSize: 12, spinLockOffset: 4 }, { valueSize: 12, spinLockOffset: 4 }, 'ok'],
  ])('made for %j takes %j: %s', (template, inner, answer) => {
    const maps = createMaps();
    const outer = maps.create({ type, valueSize: 4, innerMapFd: maps.create(template).id });
    expect(answerOf(() => outer.update(0, u32s(maps.create(inner).id)))).toBe(answer);
  });

  it('takes no maps of maps and no PROG_ARRAY within', () => {
    const maps = createMaps();
    const create = (innerMapFd: number) => maps.create({ type, valueSize: 4, innerMapFd });
    const outer = create(maps.create().id);
    expect(answerOf(() => create(outer.id))).toBe('EINVAL');
    expect(answerOf(() => create(maps.create({ type: T.PROG_ARRAY, valueSize: 4 }).id))).toBe('ENOTSUPP');
  });

  it('shows programs the inner map and user space its id, and tells what it is made for', () => {
    const maps = createMaps();
    const inner = maps.create();
    const outer = maps.create({ type, valueSize: 4, innerMapFd: inner.id });
    const ops = maps.ops(0);
    const key = maps.place(u32s(1), 1);
    expect(ops.lookup(outer.pointer, key)).toBe(0);
    outer.update(1, u32s(inner.id));
    expect([ops.lookup(outer.pointer, key), outer.lookup(1)]).toEqual([inner.pointer, u32s(inner.id)]);
    expect(outer.lookupBatch(undefined, 10)).toMatchObject({ keys: [u32s(1)], values: [u32s(inner.id)] });
    expect(outer.inner?.info().valueSize).toBe(8);
  });

  it('keeps inner maps alive that user space has closed, until they leave it, after a grace period', () => {
    const maps = createMaps();
    const template = maps.create();
    const outer = maps.create({ type, valueSize: 4, innerMapFd: template.id });
    const empty = maps.allocator.used;
    const inner = maps.create();
    const one = maps.allocator.used - empty;
    outer.update(1, u32s(inner.id));
    outer.update(2, u32s(inner.id));
    expect(answerOf(() => outer.update(9, u32s(inner.id), 2))).toBe(type === T.HASH_OF_MAPS ? 'ENOENT' : 'EINVAL');
    inner.close();
    expect(answerOf(() => outer.update(3, u32s(inner.id)))).toBe('EBADF');
    expect(maps.allocator.used - empty).toBe(one);
    outer.delete(1);
    expect([maps.allocator.used - empty, maps.graces]).toEqual([one, 1]);
    outer.update(2, u32s(template.id));
    expect([maps.allocator.used - empty, maps.graces]).toEqual([0, 2]);
    template.close();
    outer.close();
    expect(maps.allocator.used).toBe(0);
  });
});
