/** The kinds of maps that random sequences are about: how they are made, their keys and values, and how they are read. */
import type { MapSpec } from '@cpumap/bpf';
import { BPF_F_NO_PREALLOC, BPF_MAP_TYPE, CPUMAP_QSIZE_MAX } from '@cpumap/uapi';
import fc from 'fast-check';
import { hex } from '../answer.ts';
import { prefix, words } from '../cases/bytes.ts';
import { KINDS } from '../cases/program-kinds.ts';
import { LOOPBACK, NOTHING } from '../subject.ts';
import { handleOfKind, INNER_KINDS, kindOfId, type SideParts } from './side.ts';

/** A value before it is known which subject gets it. */
export interface ValueSeed {
  readonly word: number;
  /** Of a program or an inner map. */
  readonly kind: string;
}

export interface Flavour {
  readonly name: string;
  /** The specs that are tried, but for maps of maps, which get their inner map from the side. */
  readonly specs: readonly MapSpec[];
  readonly holdsMaps?: boolean;
  /** Whether a program can name it as a target of redirects. */
  readonly redirects?: boolean;
  /** Whether the type promises an order of keys. */
  readonly ordered: boolean;
  readonly keys: readonly Uint8Array[];
  readonly values: fc.Arbitrary<ValueSeed>;
  bytes(side: SideParts, spec: MapSpec, seed: ValueSeed): Uint8Array;
  show(side: SideParts, value: Uint8Array): string;
}

const T = BPF_MAP_TYPE;
const seeds = (numbers: readonly number[], kinds: readonly string[]): fc.Arbitrary<ValueSeed> =>
  fc.record({ word: fc.constantFrom(...numbers), kind: fc.constantFrom(...kinds) });

const indexes = [0, 1, 2, 3, 4, 5, 0xffffffff].map((key) => words(key));
const entrySpecs = (type: number): MapSpec[] =>
  [1, 2, 3, 5].flatMap((maxEntries) => [4, 8].map((valueSize) => ({ type, keySize: 4, valueSize, maxEntries })));
const u32At = (value: Uint8Array, at: number): number =>
  new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(at, true);

function entryFlavour(name: string, type: number, numbers: readonly number[]): Flavour {
  return {
    name,
    specs: entrySpecs(type),
    redirects: true,
    ordered: true,
    keys: indexes,
    // good values most of the time: half of the programs are none
    values: fc.oneof(seeds(numbers, ['none']), seeds(numbers, KINDS)),
    bytes: (side, { valueSize }, { word, kind }) => words(word, handleOfKind(side, kind)).subarray(0, valueSize),
    show: (side, value) => (value.length === 4 ? hex(value) : `${u32At(value, 0)} ${kindOfId(side, u32At(value, 4))}`),
  };
}

function idFlavour(name: string, type: number, kinds: readonly string[], ordered: boolean): Flavour {
  return {
    name,
    specs: [1, 3, 4].map((maxEntries) => ({ type, keySize: 4, valueSize: 4, maxEntries })),
    holdsMaps: kinds === INNER_KINDS,
    ordered,
    keys: indexes,
    values: seeds([0], kinds),
    bytes: (side, _spec, { kind }) => words(handleOfKind(side, kind)),
    show: (side, value) => kindOfId(side, u32At(value, 0)),
  };
}

function plainFlavour(name: string, type: number, ordered: boolean, more: Partial<MapSpec> = {}): Flavour {
  const perCpu = name.includes('percpu');
  return {
    name,
    specs: [1, 2, 5].flatMap((maxEntries) =>
      [1, 8, 12].map((valueSize) => ({ type, keySize: 4, valueSize, maxEntries, ...more })),
    ),
    ordered,
    keys: indexes,
    values: seeds([1, 2, 3, 255], ['none']),
    bytes: ({ subject }, { valueSize }, { word }) =>
      new Uint8Array(perCpu ? Math.ceil(valueSize / 8) * 8 * subject.possibleCpus : valueSize).fill(word),
    show: (_side, value) => hex(value),
  };
}

/** Room enough: which element a full LRU map drops is its own affair. */
const ROOMY = { maxEntries: 64 };
const PREFIXES = [
  prefix(0, 0, 0, 0, 0),
  prefix(8, 10, 0, 0, 0),
  prefix(8, 10, 9, 9, 9),
  prefix(9, 10, 128, 0, 0),
  prefix(24, 10, 0, 0, 0),
  prefix(32, 10, 0, 0, 1),
  prefix(32, 192, 168, 0, 1),
  prefix(33, 10, 0, 0, 1),
];

export const CPUMAP_FLAVOUR: Flavour = entryFlavour('cpumap', T.CPUMAP, [
  0,
  1,
  8,
  31,
  64,
  1024,
  CPUMAP_QSIZE_MAX,
  CPUMAP_QSIZE_MAX + 1,
  0xffffffff,
]);

export const FLAVOURS: readonly Flavour[] = [
  entryFlavour('devmap', T.DEVMAP, [0, LOOPBACK, LOOPBACK, NOTHING]),
  entryFlavour('devmap_hash', T.DEVMAP_HASH, [0, LOOPBACK, LOOPBACK, NOTHING]),
  plainFlavour('array', T.ARRAY, true),
  plainFlavour('percpu_array', T.PERCPU_ARRAY, true),
  plainFlavour('hash', T.HASH, false),
  plainFlavour('hash, allocated', T.HASH, false, { flags: BPF_F_NO_PREALLOC }),
  plainFlavour('percpu_hash', T.PERCPU_HASH, false),
  plainFlavour('lru_hash', T.LRU_HASH, false, ROOMY),
  plainFlavour('lru_percpu_hash', T.LRU_PERCPU_HASH, false, ROOMY),
  { ...plainFlavour('lpm_trie', T.LPM_TRIE, true, { keySize: 8, flags: BPF_F_NO_PREALLOC }), keys: PREFIXES },
  idFlavour(
    'prog_array',
    T.PROG_ARRAY,
    KINDS.filter((kind) => kind !== 'none'),
    true,
  ),
  idFlavour('array_of_maps', T.ARRAY_OF_MAPS, INNER_KINDS, true),
  idFlavour('hash_of_maps', T.HASH_OF_MAPS, INNER_KINDS, false),
];

/** A flavour's spec on one side. */
export function specOnSide({ inner }: SideParts, { holdsMaps }: Flavour, spec: MapSpec): MapSpec {
  return holdsMaps ? { ...spec, innerMapFd: inner[INNER_KINDS[0]]!.handle } : spec;
}
