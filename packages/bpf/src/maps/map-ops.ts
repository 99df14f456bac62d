/**
 * What programs on one CPU do with maps, whatever their type: numbers in, numbers out, addresses in the shared memory.
 * Called from WebAssembly and from TypeScript programs. Types of other packages are not looked up here: 0, or -EINVAL.
 *
 * What the verifier forbids is not checked again (access flags, types that a helper does not take), but no call of these
 * can do harm: what a program may not do is -EINVAL.
 */

import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import { BPF_MAP_TYPE, ERRNO } from '@cpumap/uapi';
import { attachArrayOps } from './array-ops.ts';
import { BPF_MAP } from './bpf-map.ts';
import { attachHashOps } from './hash-ops.ts';
import { attachLpmOps } from './lpm-ops.ts';
import { attachPerfOps, type PerfOps } from './perf-ops.ts';
import { attachRingbufOps, type RingbufOps } from './ringbuf-ops.ts';
import { attachSharedBytes } from './shared-bytes.ts';

/** Called with the map and the addresses of a key and its value; 1 ends the walk. */
export type MapVisitor = (map: number, key: number, value: number) => number;

export interface MapOps extends RingbufOps, PerfOps {
  /** The address of a key's value, this CPU's own in per-CPU types; an inner map's address in maps of maps; or 0. */
  lookup(map: number, key: number): number;
  /** The value of another CPU, in per-CPU types; or 0. */
  lookupPercpu(map: number, key: number, cpu: number): number;
  /** 0 or a negative errno. Of a per-CPU value only this CPU's is written; in a new element the others are zero. */
  update(map: number, key: number, value: number, flags: number): number;
  /** 0 or a negative errno. */
  delete(map: number, key: number): number;
  /** Visits elements until one visit returns 1, and returns how many; -EINVAL for types that cannot be walked. */
  forEach(map: number, visit: MapVisitor): number;
  /** The id of the program at an index of a PROG_ARRAY, or 0. */
  progAt(map: number, index: number): number;
  spinLock(address: number): void;
  spinUnlock(address: number): void;
}

/** What `attachMapOps` needs of the shared memory for each CPU, zeroed. */
export const MAP_OPS_BYTES = 64;
/** Walks of arrays within each other, as deep as the verifier lets calls be. */
const MAX_DEPTH = 8;
const KEYS_OFF = 32;

/** The operations of CPU `cpu`; `scratch` are MAP_OPS_BYTES of its own. */
export function attachMapOps(memory: Memory, cpu: number, nrCpus: number, scratch: number): MapOps {
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const array = attachArrayOps(memory, cpu);
  const hash = attachHashOps(memory, cpu, nrCpus, scratch);
  const lpm = attachLpmOps(memory, scratch);
  const { ARRAY, PERCPU_ARRAY, HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH } = BPF_MAP_TYPE;
  const { LPM_TRIE, ARRAY_OF_MAPS, HASH_OF_MAPS, PROG_ARRAY, DEVMAP, XSKMAP } = BPF_MAP_TYPE;
  const MAX_ENTRIES = BPF_MAP.max_entries >> 2;
  const ELEMENTS = BPF_MAP.elements >> 2;
  const CPU_STRIDE = BPF_MAP.cpu_stride >> 2;
  const EINVAL = -ERRNO.EINVAL;
  let depth = 0;

  const isHash = (type: number): boolean =>
    type === HASH || type === LRU_HASH || type === PERCPU_HASH || type === LRU_PERCPU_HASH;

  function slotAt(map: number, index: number): number {
    const m = map >> 2;
    return index >>> 0 < u32[m + MAX_ENTRIES]! ? i32[(u32[m + ELEMENTS]! >> 2) + (index >>> 0)]! : 0;
  }

  return {
    ...attachRingbufOps(memory),
    ...attachPerfOps(memory, cpu),
    lookup(map, key) {
      const type = u32[map >> 2]!;
      if (type === ARRAY || type === PERCPU_ARRAY) return array.lookup(map, key);
      if (isHash(type)) return hash.lookup(map, key);
      if (type === LPM_TRIE) return lpm.lookup(map, key);
      // a devmap's slots point to entries, which begin with what programs may read
      if (type === ARRAY_OF_MAPS || type === DEVMAP || type === XSKMAP) return slotAt(map, bytes.word(key));
      if (type !== HASH_OF_MAPS) return 0;
      const value = hash.lookup(map, key);
      return value === 0 ? 0 : i32[value >> 2]!;
    },
    lookupPercpu(map, key, other) {
      const type = u32[map >> 2]!;
      if (type === PERCPU_HASH || type === LRU_PERCPU_HASH) return hash.lookupPercpu(map, key, other);
      if (type !== PERCPU_ARRAY || other >>> 0 >= nrCpus) return 0;
      const at = array.lookup(map, key);
      return at === 0 ? 0 : at + (other - cpu) * u32[(map >> 2) + CPU_STRIDE]!;
    },
    update(map, key, value, flags) {
      const type = u32[map >> 2]!;
      if (type === ARRAY || type === PERCPU_ARRAY) return array.update(map, key, value, flags);
      if (isHash(type)) return hash.update(map, key, value, flags);
      return type === LPM_TRIE ? lpm.update(map, key, value, flags) : EINVAL;
    },
    delete(map, key) {
      const type = u32[map >> 2]!;
      if (isHash(type)) return hash.delete(map, key);
      return type === LPM_TRIE ? lpm.delete(map, key) : EINVAL;
    },
    forEach(map, visit) {
      const type = u32[map >> 2]!;
      if (isHash(type)) return hash.forEach(map, visit);
      if ((type !== ARRAY && type !== PERCPU_ARRAY) || depth === MAX_DEPTH) return EINVAL;
      depth++;
      try {
        return array.forEach(map, scratch + KEYS_OFF + 4 * (depth - 1), visit);
      } finally {
        depth--; // also when the visitor is a program that faulted
      }
    },
    progAt: (map, index) => (u32[map >> 2] === PROG_ARRAY ? slotAt(map, index) : 0),
    spinLock: (address) => spinLock(i32, address >> 2),
    spinUnlock: (address) => spinUnlock(i32, address >> 2),
  };
}
