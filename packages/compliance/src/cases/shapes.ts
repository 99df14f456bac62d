/** One map of each type, as small as it can be and still be asked everything: what the cases of all types begin from. */
import type { MapSpec } from '@cpumap/bpf';
import { BPF_F_NO_PREALLOC, BPF_MAP_TYPE } from '@cpumap/uapi';
import { LOOPBACK, NOTHING, type Subject } from '../subject.ts';
import { prefix, words } from './bytes.ts';

export interface Shape {
  readonly group: string;
  readonly spec: MapSpec;
  /** Whether keys are indexes, or come in an order that the type promises. */
  readonly ordered: boolean;
  key(i: number): Uint8Array;
  /** A value that update takes; made anew, as programs and maps in it have to exist. */
  value(subject: Subject, i: number): Promise<Uint8Array>;
  /** What user space reads in a value that it has written, where that is another number on each subject. */
  readonly readsIds?: boolean;
}

const T = BPF_MAP_TYPE;
const PASS = 'r0 = 2\n exit';

/** A pattern; per-CPU maps have one value for each possible CPU. */
const pattern = (bytes: number, i: number): Uint8Array => new Uint8Array(bytes).fill(16 * (i + 1));

const INNER: MapSpec = { type: T.ARRAY, keySize: 4, valueSize: 8, maxEntries: 2 };
const index = (i: number): Uint8Array => words(i);

function plain(group: string, type: number, ordered: boolean, more: Partial<MapSpec> = {}): Shape {
  const spec = { type, keySize: 4, valueSize: 8, maxEntries: 4, ...more };
  const isPerCpu = group.includes('percpu');
  const value = async ({ possibleCpus }: Subject, i: number): Promise<Uint8Array> =>
    pattern(isPerCpu ? spec.valueSize * possibleCpus : spec.valueSize, i);
  return { group, spec, ordered, key: index, value };
}

const words4 = { keySize: 4, valueSize: 4, maxEntries: 4 };
const words8 = { keySize: 4, valueSize: 8, maxEntries: 4 };

export const SHAPES: readonly Shape[] = [
  {
    group: 'cpumap',
    spec: { type: T.CPUMAP, ...words8 },
    ordered: true,
    key: index,
    value: async (_, i) => words(64 * (i + 1), 0),
  },
  {
    group: 'cpumap, 4-byte values',
    spec: { type: T.CPUMAP, ...words4 },
    ordered: true,
    key: index,
    value: async (_, i) => words(64 * (i + 1)),
  },
  {
    group: 'devmap',
    spec: { type: T.DEVMAP, ...words8 },
    ordered: true,
    key: index,
    value: async () => words(LOOPBACK, 0),
  },
  {
    group: 'devmap, 4-byte values',
    spec: { type: T.DEVMAP, ...words4 },
    ordered: true,
    key: index,
    value: async () => words(LOOPBACK),
  },
  {
    group: 'devmap_hash',
    spec: { type: T.DEVMAP_HASH, ...words8 },
    ordered: true,
    key: index,
    value: async () => words(LOOPBACK, 0),
  },
  {
    group: 'xskmap',
    spec: { type: T.XSKMAP, ...words4 },
    ordered: true,
    key: index,
    value: async () => words(NOTHING),
  },
  plain('array', T.ARRAY, true),
  plain('percpu_array', T.PERCPU_ARRAY, true),
  plain('hash', T.HASH, false),
  plain('hash, allocated', T.HASH, false, { flags: BPF_F_NO_PREALLOC }),
  plain('percpu_hash', T.PERCPU_HASH, false),
  plain('lru_hash', T.LRU_HASH, false, { maxEntries: 64 }),
  plain('lru_percpu_hash', T.LRU_PERCPU_HASH, false, { maxEntries: 64 }),
  {
    ...plain('lpm_trie', T.LPM_TRIE, true, { keySize: 8, flags: BPF_F_NO_PREALLOC }),
    key: (i) => prefix(32, 10, 0, 0, i),
  },
  {
    group: 'prog_array',
    spec: { type: T.PROG_ARRAY, ...words4 },
    ordered: true,
    key: index,
    value: async (subject) => words((await subject.loadProgram({ text: PASS })).handle),
    readsIds: true,
  },
  ...(
    [
      ['array_of_maps', T.ARRAY_OF_MAPS],
      ['hash_of_maps', T.HASH_OF_MAPS],
    ] as const
  ).map(
    ([group, type]): Shape => ({
      group,
      spec: { type, ...words4 },
      ordered: type === T.ARRAY_OF_MAPS,
      key: index,
      value: async (subject) => words(subject.createMap(INNER).handle),
      readsIds: true,
    }),
  ),
  {
    group: 'ringbuf',
    spec: { type: T.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
    ordered: true,
    key: () => new Uint8Array(0),
    value: async () => new Uint8Array(0),
  },
  {
    group: 'perf_event_array',
    spec: { type: T.PERF_EVENT_ARRAY, ...words4 },
    ordered: true,
    key: index,
    value: async () => words(NOTHING),
  },
];

/** The spec of a shape on a subject: a map of maps needs a map that those in it are like. */
export function specOn(subject: Subject, { spec }: Shape): MapSpec {
  const isOuter = spec.type === T.ARRAY_OF_MAPS || spec.type === T.HASH_OF_MAPS;
  return isOuter ? { ...spec, innerMapFd: subject.createMap(INNER).handle } : spec;
}
