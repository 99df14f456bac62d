/**
 * BPF_MAP_TYPE_HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH as user space sees them. Keys and values pass through a
 * staging block in the shared memory, and then take the way that a program's take; reading is done under the bucket's lock.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import {
  BPF_F_LOCK,
  BPF_F_NO_COMMON_LRU,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  BPF_F_ZERO_SEED,
  BPF_MAP_TYPE,
} from '@cpumap/uapi';
import { accessOk } from './array-index.ts';
import { BPF_MAP, type FullMapSpec, type MapType } from './bpf-map.ts';
import { type HostHash, hashBatches } from './hash-batch.ts';
import { allocHtab, freeHtab, HTAB_ELEM, KEY_OFF, round8 } from './hash-layout.ts';
import { attachHashOps } from './hash-ops.ts';
import { genericDeleteBatch, genericUpdateBatch } from './map-batch.ts';
import { refuse, refuseErrno } from './map-refusal.ts';
import { attachMapValues } from './map-value.ts';
import { attachSharedBytes } from './shared-bytes.ts';

const KMALLOC_MAX_SIZE = 1 << 22;
/** sizeof(struct htab_elem) of Linux 6.18. */
const ELEM_SIZE = 48;
const PCPU_MIN_UNIT_SIZE = 32 * 1024;
const ACCESS = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
const KNOWN = BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS;
const FENCE_SIZE = 8;

export interface HashParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly nrCpus: number;
  /** Of the hash function, with each map's id. */
  readonly seed: number;
}

/** mirrors htab_map_alloc_check. */
function allocCheck(perCpu: boolean, lru: boolean, { keySize, valueSize, maxEntries, flags }: FullMapSpec): void {
  const no = (hint: string): never => refuse('EINVAL', 'BPF_MAP_CREATE', hint);
  if ((flags & ~KNOWN) !== 0) no(`flags 0x${flags.toString(16)}: not all of them are known for a hash`);
  if (!accessOk(flags)) no('BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other');
  if (!lru && (flags & BPF_F_NO_COMMON_LRU) !== 0) no('BPF_F_NO_COMMON_LRU is for LRU types');
  if (lru && (flags & BPF_F_NO_PREALLOC) !== 0) {
    refuse('ENOTSUPP', 'BPF_MAP_CREATE', 'an LRU is always preallocated: leave BPF_F_NO_PREALLOC out');
  }
  const eachCpu = perCpu || (flags & BPF_F_NO_COMMON_LRU) !== 0;
  if (eachCpu && (flags & BPF_F_NUMA_NODE) !== 0) no('BPF_F_NUMA_NODE, but the map is spread over the CPUs');
  if (maxEntries === 0 || keySize === 0 || valueSize === 0) no('a hash has keys, values and entries of at least 1');
  if (keySize + valueSize >= KMALLOC_MAX_SIZE - ELEM_SIZE || maxEntries > 2 ** 31) {
    refuse('E2BIG', 'BPF_MAP_CREATE', `elements of ${keySize} + ${valueSize} bytes: both together are below 4 MiB`);
  }
  if (perCpu && round8(valueSize) > PCPU_MIN_UNIT_SIZE) {
    refuse('E2BIG', 'BPF_MAP_CREATE', `per-CPU values of ${valueSize} bytes: at most ${PCPU_MIN_UNIT_SIZE}`);
  }
}

const HINTS = {
  EINVAL: 'the flags are not known here',
  ENOENT: 'there is no such key',
  EEXIST: 'the key exists: BPF_NOEXIST only creates',
  E2BIG: 'the map is full: delete something or create it with more max_entries',
};

export function hashType(parts: HashParts, perCpu: boolean, lru: boolean): MapType {
  const { memory, allocator, nrCpus, seed } = parts;
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const values = attachMapValues(memory);
  const hosts = new Map<number, HostHash & { readonly staging: number }>();
  const read = (map: number, field: number): number => u32[(map + field) >> 2]!;
  const userValueSize = (map: number): number =>
    perCpu ? round8(read(map, BPF_MAP.value_size)) * nrCpus : read(map, BPF_MAP.value_size);

  function attachHost(map: number): void {
    const keySize = read(map, BPF_MAP.key_size);
    const keyAt = FENCE_SIZE;
    const valueAt = keyAt + round8(keySize);
    const staging = allocator.alloc(valueAt + userValueSize(map));
    const stage = (at: number, data: Uint8Array): number => {
      bytes.write(at, data);
      return at;
    };
    hosts.set(map, {
      staging,
      ops: attachHashOps(memory, nrCpus, nrCpus, staging),
      stageKey: (key) => stage(staging + keyAt, key),
      stageValue: (value) => stage(staging + valueAt, value),
      readKey: (element) => bytes.read(element + KEY_OFF, keySize),
      readValue(element, flags) {
        const at = u32[(element + HTAB_ELEM.value) >> 2]!;
        if (!perCpu) return values.read(map, at, flags === BPF_F_LOCK);
        const size = round8(read(map, BPF_MAP.value_size));
        const all = new Uint8Array(size * nrCpus);
        for (let cpu = 0; cpu < nrCpus; cpu++) {
          all.set(bytes.read(at + cpu * read(map, BPF_MAP.cpu_stride), size), cpu * size);
        }
        return all;
      },
    });
  }

  /** Calls `act` with the element of a key, or 0, and its bucket, while that is locked. */
  function inBucket<T>(map: number, key: Uint8Array, act: (host: HostHash, element: number, bucket: number) => T): T {
    const host = hosts.get(map)!;
    const { chains } = host.ops;
    const keyAt = host.stageKey(key);
    const hash = chains.hashOf(map, keyAt);
    const bucket = chains.bucketOf(map, hash);
    chains.lock(bucket);
    try {
      return act(host, chains.findLocked(map, bucket, hash, keyAt), bucket);
    } finally {
      chains.unlock(bucket);
    }
  }

  const batches = hashBatches(memory, (map) => hosts.get(map)!);

  const element = {
    lookup: (map: number, key: Uint8Array, flags: number): Uint8Array =>
      inBucket(map, key, (host, at) => {
        if (at === 0) return refuse('ENOENT', 'BPF_MAP_LOOKUP_ELEM', HINTS.ENOENT);
        return host.readValue(at, flags);
      }),
    update(map: number, key: Uint8Array, value: Uint8Array, flags: number): void {
      const { ops, stageKey, stageValue } = hosts.get(map)!;
      refuseErrno(ops.update(map, stageKey(key), stageValue(value), flags), 'BPF_MAP_UPDATE_ELEM', HINTS);
    },
    delete(map: number, key: Uint8Array): void {
      const { ops, stageKey } = hosts.get(map)!;
      refuseErrno(ops.delete(map, stageKey(key)), 'BPF_MAP_DELETE_ELEM', HINTS);
    },
    getNextKey(map: number, key: Uint8Array | undefined): Uint8Array {
      // mirrors htab_map_get_next_key: a key that is not there is before the first
      const inChain =
        key &&
        inBucket(map, key, (host, at, bucket) => {
          if (at === 0) return undefined;
          const next = i32[at >> 2]!;
          return { next: (next & 1) === 0 ? host.readKey(next) : undefined, bucket };
        });
      if (inChain?.next !== undefined) return inChain.next;
      return batches.firstKeyAfter(map, inChain?.bucket) ?? refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', 'no key is left');
    },
  };

  return {
    ...element,
    lookupAndDelete(map, key, flags) {
      const { at, value } = inBucket(map, key, (host, found, bucket) => {
        if (found === 0) return refuse('ENOENT', 'BPF_MAP_LOOKUP_AND_DELETE_ELEM', HINTS.ENOENT);
        host.ops.chains.unlink(bucket, found);
        return { at: found, value: host.readValue(found, flags) };
      });
      hosts.get(map)!.ops.release(map, at);
      return value;
    },
    lookupBatch: batches.lookupBatch,
    lookupAndDeleteBatch: batches.lookupAndDeleteBatch,
    updateBatch: genericUpdateBatch(element),
    deleteBatch: genericDeleteBatch(element),
    spinLocks: !perCpu && !lru,
    allocCheck: (spec) => allocCheck(perCpu, lru, spec),
    userValueSize,
    alloc(map, spec) {
      const { keySize, valueSize, maxEntries, flags, id } = spec;
      const hashrnd = (flags & BPF_F_ZERO_SEED) !== 0 ? 0 : Math.imul(seed, 0x9e3779b1) ^ Math.imul(id, 0x85ebca6b);
      allocHtab(memory, allocator, map, { keySize, valueSize, maxEntries, perCpu, lru, hashrnd, nrCpus });
      try {
        attachHost(map);
      } catch (error) {
        freeHtab(memory, allocator, map);
        throw error;
      }
    },
    free(map) {
      allocator.free(hosts.get(map)!.staging);
      hosts.delete(map);
      freeHtab(memory, allocator, map);
    },
  };
}

/** The four hash types, for the host's registry. */
export function hashMapTypes(parts: HashParts): Map<number, MapType> {
  return new Map([
    [BPF_MAP_TYPE.HASH, hashType(parts, false, false)],
    [BPF_MAP_TYPE.PERCPU_HASH, hashType(parts, true, false)],
    [BPF_MAP_TYPE.LRU_HASH, hashType(parts, false, true)],
    [BPF_MAP_TYPE.LRU_PERCPU_HASH, hashType(parts, true, true)],
  ]);
}
