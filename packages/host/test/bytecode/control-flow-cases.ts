/** bpf_loop, bpf_for_each_map_elem and bpf_tail_call. */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { call, keep, PASS } from './support/fragments.ts';
import type { KernelCase } from './support/kernel-case.ts';

/** Calls the function at `label`, whose context is the number at r10 - 8. */
const loop = (turns: number | string, label: string, flags: number | string = 0): string => `
    r1 = ${turns}
    r2 = code_addr(${label}) ll
    r3 = r10
    r3 += -8
    r4 = ${flags}
    ${call('loop')}`;

/** A callback: adds its index to the context's number and goes on until that is `end`. */
const addIndex = (label: string, end: number): string => `
  ${label}:
    r0 = *(u64 *)(r2 + 0)
    r0 += r1
    *(u64 *)(r2 + 0) = r0
    r0 = 0
    if r1 != ${end} goto ${label}_out
    r0 = 1
  ${label}_out:
    exit`;

const loops = (turns: number | string, end = -1, flags: number | string = 0): string => `
    *(u64 *)(r10 - 8) = 0
    ${loop(turns, 'turn', flags)}
    ${keep(0)}
    r0 = *(u64 *)(r10 - 8)
    ${keep(1)}
    ${PASS}
    ${addIndex('turn', end)}`;

/** Loops within loops, `depth` deep, each of three turns; the innermost counts. */
const nested = (depth: number): string => `
    r1 = r10
    *(u64 *)(r10 - 8) = 0
    ${loop(3, 'turn1')}
    ${keep(0)}
    ${PASS}
    ${Array.from(
      { length: depth },
      (_, i) => `
  turn${i + 1}:
    ${
      i + 1 === depth
        ? `
    r1 = map_value(out) ll
    r0 = *(u64 *)(r1 + 8)
    r0 += 1
    *(u64 *)(r1 + 8) = r0`
        : `
    *(u64 *)(r10 - 8) = 0
    ${loop(3, `turn${i + 2}`)}`
    }
    r0 = 0
    exit`,
    ).join('')}`;

/** Walks the map `walked`: counts its elements, adds up keys and values, stops after `most` of them. */
const forEach = (most: number, flags: number | string = 0): string => `
    *(u64 *)(r10 - 8) = 0
    r1 = map(walked) ll
    r2 = code_addr(visit) ll
    r3 = r10
    r3 += -8
    r4 = ${flags}
    ${call('for_each_map_elem')}
    ${keep(0)}
    ${PASS}
  visit:
    r6 = *(u32 *)(r2 + 0)
    r7 = *(u64 *)(r3 + 0)
    r1 = map_value(out) ll
    r0 = *(u64 *)(r1 + 16)
    r0 += r6
    *(u64 *)(r1 + 16) = r0
    r0 = *(u64 *)(r1 + 24)
    r0 += r7
    *(u64 *)(r1 + 24) = r0
    r4 = *(u64 *)(r1 + 8)
    r4 += 1
    *(u64 *)(r1 + 8) = r4
    r0 = 0
    if r4 != ${most} goto on
    r0 = 1
  on:
    exit`;

const { ARRAY, HASH, LRU_HASH, PERCPU_ARRAY, PROG_ARRAY } = BPF_MAP_TYPE;
const number = (value: number): string => value.toString(16).padStart(2, '0').padEnd(16, '0');

/** A map of eight, with elements of its keys. */
const walked = (type: number, keys: readonly number[]) => ({
  maps: { walked: { type, keySize: 4, valueSize: 8, maxEntries: 8 } },
  elements: keys.map((key) => ({ map: 'walked', key, value: number(10 * key + 1) })),
});

const WALKED = {
  array: walked(ARRAY, [0, 1, 5]),
  'empty array': walked(ARRAY, []),
  'percpu array': walked(PERCPU_ARRAY, []),
  hash: walked(HASH, [1, 7, 20, 3]),
  'empty hash': walked(HASH, []),
  'lru hash': walked(LRU_HASH, [2, 4, 6]),
};

const tailCall = (index: number | string, table = 'progs'): string => `
    r2 = map(${table}) ll
    r3 = ${index}
    ${call('tail_call')}`;

/** out[n] += 1; r0, r2 and r3 are as before. */
const tick = (n: number): string => `
    r4 = map_value(out) ll
    r5 = *(u64 *)(r4 + ${8 * n})
    r5 += 1
    *(u64 *)(r4 + ${8 * n}) = r5`;

const PROGS = { progs: { type: PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 4 } };
const at = (key: number, program: string) => ({ map: 'progs', key, value: { program } });
const returning = (verdict: number): string => `
    r0 = ${verdict}
    exit`;

/** Counts how often each runs. */
const ring = (n: number, next: number): string => `
    ${tick(n)}
    ${tailCall(next)}
    r0 = ${10 + n}
    exit`;

export const CASES: readonly KernelCase[] = [
  ...[0, 1, 2, 10, 1000, 1 << 23, (1 << 23) + 1, -1, '0x100000000 ll', '0x100000005 ll'].map((turns) => ({
    name: `bpf_loop of ${turns}`,
    text: loops(turns),
  })),
  ...[0, 1, 9].map((end) => ({ name: `bpf_loop that ends at ${end}`, text: loops(10, end) })),
  ...[1, -1, '0x100000000 ll'].map((flags) => ({ name: `bpf_loop with flags ${flags}`, text: loops(10, -1, flags) })),
  ...[2, 3, 6, 7].map((depth) => ({ name: `${depth} loops within each other`, text: nested(depth) })),

  ...Object.entries(WALKED).flatMap(([name, map]) => [
    { name: `for_each of an ${name}`, text: forEach(-1), ...map },
    // which one of a hash comes first is chance
    ...(name === 'hash' || name === 'lru hash'
      ? []
      : [{ name: `for_each of an ${name}, one`, text: forEach(1), ...map }]),
    { name: `for_each of an ${name}, flags`, text: forEach(-1, 1), ...map },
  ]),
  { name: 'for_each of a hash of one, one', text: forEach(1), ...walked(HASH, [5]) },
  { name: 'for_each of a hash of three, three', text: forEach(3), ...walked(HASH, [5, 6, 7]) },

  {
    name: 'a tail call',
    text: `${tailCall(1)} ${PASS}`,
    others: { b: returning(77) },
    maps: PROGS,
    elements: [at(1, 'b')],
  },
  ...[0, 3, 4, -1, '0x100000001 ll'].map((index) => ({
    name: `a tail call of index ${index}`,
    text: `${tailCall(index)} ${PASS}`,
    others: { b: returning(77) },
    maps: PROGS,
    elements: [at(1, 'b')],
  })),
  {
    name: 'a tail call of oneself',
    text: `${tick(0)} ${tailCall(0)} ${PASS}`,
    maps: PROGS,
    elements: [at(0, 'main')],
  },
  {
    name: 'three programs in a ring',
    text: ring(0, 1),
    others: { b: ring(1, 2), c: ring(2, 0) },
    maps: PROGS,
    elements: [at(0, 'main'), at(1, 'b'), at(2, 'c')],
  },
  {
    name: 'the second index when the first is empty',
    text: `
    r6 = r1
    ${tailCall(3)}
    r1 = r6
    ${tailCall(2)} ${PASS}`,
    others: { b: returning(5) },
    maps: PROGS,
    elements: [at(2, 'b')],
  },
  {
    name: 'a tail call from a function',
    text: `
    r6 = r1
    call other
    r0 += 1000
    exit
  other:
    ${tailCall(1)}
    r0 = 1
    exit`,
    others: { b: returning(77) },
    maps: PROGS,
    elements: [at(1, 'b')],
  },
  {
    name: 'a failed tail call from a function',
    text: `
    call other
    r0 += 1000
    exit
  other:
    ${tailCall(2)}
    r0 = 1
    exit`,
    others: { b: returning(77) },
    maps: PROGS,
    elements: [at(1, 'b')],
  },
  {
    name: 'forty tail calls from functions, one after the other',
    text: `
    r6 = r1
    r7 = 0
  again:
    r1 = r6
    call other
    r7 += 1
    if r7 != 40 goto again
    r0 = r7
    exit
  other:
    ${tailCall(1)}
    ${tick(1)}
    r0 = 1
    exit`,
    others: { b: `${tick(0)} ${PASS}` },
    maps: PROGS,
    elements: [at(1, 'b')],
  },
  {
    name: 'a function that tail calls the program that called it',
    text: `
    ${tick(0)}
    call other
    ${tick(1)}
    r0 += 1
    exit
  other:
    ${tailCall(0)}
    ${tick(2)}
    r0 = 0
    exit`,
    maps: PROGS,
    elements: [at(0, 'main')],
  },
];
