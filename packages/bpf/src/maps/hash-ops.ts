/**
 * The operations of the hash types on keys and values anywhere in the shared memory: what programs call on their CPU, and
 * what user space's side is made of. Answers are 0 or a negative errno; mirrors htab_map_update_elem and its sisters.
 *
 * `who` is a CPU, or nrCpus for the host thread, whose values of per-CPU types are one for each CPU.
 */

import type { Memory } from '@cpumap/smp';
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, ERRNO } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';
import { attachHashChains, type HashChains } from './hash-chain.ts';
import { attachHashFreeList } from './hash-free-list.ts';
import { HTAB, HTAB_ELEM, KEY_OFF } from './hash-layout.ts';
import { attachMapValues } from './map-value.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface HashOps {
  readonly chains: HashChains;
  /** The value's address for a program on this CPU; marks an LRU's element. */
  lookup(map: number, key: number): number;
  lookupPercpu(map: number, key: number, cpu: number): number;
  update(map: number, key: number, value: number, flags: number): number;
  delete(map: number, key: number): number;
  /** Gives an element back that was unlinked. */
  release(map: number, element: number): void;
  forEach(map: number, visit: (map: number, key: number, value: number) => number): number;
}

/** `fence` is the address of a word that nobody else uses. */
export function attachHashOps(memory: Memory, who: number, nrCpus: number, fence: number): HashOps {
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const values = attachMapValues(memory);
  const chains = attachHashChains(memory, fence);
  const freeList = attachHashFreeList(memory, chains);
  const KEY_SIZE = BPF_MAP.key_size >> 2;
  const VALUE_SIZE = BPF_MAP.value_size >> 2;
  const CPU_STRIDE = BPF_MAP.cpu_stride >> 2;
  const STATE = BPF_MAP.state >> 2;
  const LRU = HTAB.lru >> 2;
  const EXTRA_ELEMS = HTAB.extra_elems >> 2;
  const HASH = HTAB_ELEM.hash >> 2;
  const VALUE = HTAB_ELEM.value >> 2;
  const REF = HTAB_ELEM.ref >> 2;
  const own = who === nrCpus ? 0 : who;
  const EINVAL = -ERRNO.EINVAL;
  const ENOENT = -ERRNO.ENOENT;
  const EEXIST = -ERRNO.EEXIST;
  const E2BIG = -ERRNO.E2BIG;
  const LAST_FLAG = BPF_F_LOCK | BPF_EXIST;

  /** Writes a per-CPU value: a program this CPU's, with all others zeroed in a new element; the host everyone's. */
  function storePercpu(m: number, element: number, from: number, isNew: boolean): void {
    const at = u32[(element >> 2) + VALUE]!;
    const size = u32[m + VALUE_SIZE]!;
    const stride = u32[m + CPU_STRIDE]!;
    const rounded = (size + 7) & ~7;
    if (who === nrCpus) {
      for (let cpu = 0; cpu < nrCpus; cpu++) bytes.copy(at + cpu * stride, from + cpu * rounded, rounded);
      return;
    }
    if (isNew) for (let cpu = 0; cpu < nrCpus; cpu++) bytes.zero(at + cpu * stride, rounded);
    bytes.copy(at + who * stride, from, size);
  }

  /** Writes all of an element but its value. */
  function fill(m: number, element: number, hash: number, key: number, ref: number): void {
    const e = element >> 2;
    i32[e + HASH] = hash;
    i32[e + REF] = ref;
    bytes.copy(element + KEY_OFF, key, u32[m + KEY_SIZE]!);
  }

  /** Changes the value of an element in its locked bucket. */
  function overwrite(map: number, bucket: number, old: number, hash: number, key: number, from: number, lock: boolean) {
    const m = map >> 2;
    if (u32[m + CPU_STRIDE] !== 0) {
      storePercpu(m, old, from, false);
      i32[(old >> 2) + REF] = 1;
      return;
    }
    if (lock) return values.storeLocked(map, u32[(old >> 2) + VALUE]!, from);
    // mirrors the kernel's extra elements: a new element takes the place, so that whoever reads the old value reads all
    // of it, and a full map can be updated
    const extra = (u32[(u32[m + STATE]! >> 2) + EXTRA_ELEMS]! >> 2) + who;
    const element = u32[extra]!;
    fill(m, element, hash, key, 1);
    values.store(map, u32[(element >> 2) + VALUE]!, from);
    chains.replace(bucket, old, element);
    u32[extra] = old;
  }

  function insert(map: number, bucket: number, element: number, hash: number, key: number, from: number): void {
    const m = map >> 2;
    fill(m, element, hash, key, 0);
    if (u32[m + CPU_STRIDE] !== 0) storePercpu(m, element, from, true);
    else values.store(map, u32[(element >> 2) + VALUE]!, from);
    chains.link(bucket, element);
  }

  /** Updates what exists: 0, an errno, or 1 when there is nothing yet and the caller must bring an element. */
  function updateLocked(map: number, bucket: number, hash: number, key: number, from: number, flags: number): number {
    const old = chains.findLocked(map, bucket, hash, key);
    if (old !== 0) {
      if ((flags & BPF_NOEXIST) !== 0) return EEXIST;
      overwrite(map, bucket, old, hash, key, from, (flags & BPF_F_LOCK) !== 0);
      return 0;
    }
    return (flags & BPF_EXIST) !== 0 ? ENOENT : 1;
  }

  function addressOf(m: number, element: number, cpu: number): number {
    return u32[(element >> 2) + VALUE]! + cpu * u32[m + CPU_STRIDE]!;
  }

  function lookup(map: number, key: number): number {
    const element = chains.find(map, key);
    if (element === 0) return 0;
    const m = map >> 2;
    const ref = (element >> 2) + REF;
    if (i32[ref] === 0 && u32[(u32[m + STATE]! >> 2) + LRU] !== 0) i32[ref] = 1;
    return addressOf(m, element, own);
  }

  return {
    chains,
    lookup,
    lookupPercpu(map, key, cpu) {
      const stride = u32[(map >> 2) + CPU_STRIDE]!;
      if (stride === 0 || cpu >>> 0 >= nrCpus) return 0;
      const at = lookup(map, key);
      return at === 0 ? 0 : at + (cpu - own) * stride;
    },
    update(map, key, value, flags) {
      const m = map >> 2;
      if (!(flags >= 0 && flags <= LAST_FLAG) || (flags & 3) > BPF_EXIST) return EINVAL;
      if ((flags & BPF_F_LOCK) !== 0 && !values.hasLock(map)) return EINVAL;
      const hash = chains.hashOf(map, key);
      const bucket = chains.bucketOf(map, hash);
      const lru = u32[(u32[m + STATE]! >> 2) + LRU] !== 0;
      chains.lock(bucket);
      let answer = updateLocked(map, bucket, hash, key, value, flags);
      if (answer === 1 && !lru) {
        const element = freeList.take(map);
        if (element === 0) answer = E2BIG;
        else {
          insert(map, bucket, element, hash, key, value);
          answer = 0;
        }
      }
      chains.unlock(bucket);
      if (answer !== 1) return answer;
      // an LRU makes room, which takes locks of other buckets: only without this one, and then the key may be there
      const element = freeList.take(map);
      chains.lock(bucket);
      answer = updateLocked(map, bucket, hash, key, value, flags);
      if (answer === 1) insert(map, bucket, element, hash, key, value);
      chains.unlock(bucket);
      if (answer === 1) return 0;
      freeList.give(map, element);
      return answer;
    },
    delete(map, key) {
      const hash = chains.hashOf(map, key);
      const bucket = chains.bucketOf(map, hash);
      chains.lock(bucket);
      const element = chains.findLocked(map, bucket, hash, key);
      if (element !== 0) chains.unlink(bucket, element);
      chains.unlock(bucket);
      if (element === 0) return ENOENT;
      freeList.give(map, element);
      return 0;
    },
    release: (map, element) => freeList.give(map, element),
    forEach(map, visit) {
      const m = map >> 2;
      const htab = u32[m + STATE]! >> 2;
      const n = u32[htab + (HTAB.mask >> 2)]! + 1;
      const buckets = u32[htab + (HTAB.buckets >> 2)]! >> 2;
      let count = 0;
      for (let index = 0; index < n; index++) {
        for (let at = Atomics.load(i32, buckets + 4 * index), next = 0; (at & 1) === 0; at = next) {
          next = i32[at >> 2]!; // the callback may delete the element
          count++;
          if (visit(map, at + KEY_OFF, addressOf(m, at, own)) !== 0) return count;
        }
      }
      return count;
    },
  };
}
