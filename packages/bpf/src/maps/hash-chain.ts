/**
 * The chains of a hash: looking without a lock, and linking and unlinking under the bucket's lock.
 *
 * Memory order: an element is written plainly and published by one atomic store of the word that leads to it; readers
 * follow addresses. What finds nothing is confirmed by the bucket's version, with a fence (an atomic operation on the
 * CPU's own word) before the second look at it, as no address leads there.
 */

import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import { BPF_MAP } from './bpf-map.ts';
import { attachHashFunction } from './hash-function.ts';
import { BUCKET, HTAB, HTAB_ELEM, KEY_OFF } from './hash-layout.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface HashChains {
  /** The element of a key, or 0; no lock. */
  find(map: number, key: number): number;
  hashOf(map: number, key: number): number;
  /** The bucket of a hash. */
  bucketOf(map: number, hash: number): number;
  lock(bucket: number): void;
  unlock(bucket: number): void;
  /** The element of a key in its locked bucket, or 0. */
  findLocked(map: number, bucket: number, hash: number, key: number): number;
  /** Makes a written element the first of its locked bucket. */
  link(bucket: number, element: number): void;
  /** Puts a written element in the place of another, which is the caller's then. */
  replace(bucket: number, old: number, element: number): void;
  /** Takes an element out of its locked bucket; false when it is not there. */
  unlink(bucket: number, element: number): boolean;
}

/** `fence` is the address of a word of the caller's own. */
export function attachHashChains(memory: Memory, fence: number): HashChains {
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const hashFunction = attachHashFunction(memory);
  const KEY_SIZE = BPF_MAP.key_size >> 2;
  const STATE = BPF_MAP.state >> 2;
  const BUCKETS = HTAB.buckets >> 2;
  const MASK = HTAB.mask >> 2;
  const HASHRND = HTAB.hashrnd >> 2;
  const HASH = HTAB_ELEM.hash >> 2;
  const KEY = KEY_OFF;
  const LOCK = BUCKET.lock >> 2;
  const VERSION = BUCKET.version >> 2;
  const fenceWord = fence >> 2;

  function sameKey(element: number, key: number, size: number): boolean {
    if (size === 4 && (key & 3) === 0) return i32[(element + KEY) >> 2] === i32[key >> 2];
    return bytes.equal(element + KEY, key, size);
  }

  /** Looks again, until the bucket did not change while it did. */
  function confirm(bucket: number, nulls: number, hash: number, key: number, size: number): number {
    for (;;) {
      const version = Atomics.load(i32, bucket + VERSION);
      let at = Atomics.load(i32, bucket);
      while ((at & 1) === 0) {
        if (i32[(at >> 2) + HASH] === hash && sameKey(at, key, size)) return at;
        at = i32[at >> 2]!;
      }
      Atomics.add(i32, fenceWord, 1);
      if (at === nulls && Atomics.load(i32, bucket + VERSION) === version) return 0;
    }
  }

  /** The word that leads to `element`, or -1. */
  function leadsTo(bucket: number, element: number): number {
    let word = bucket;
    for (;;) {
      const at = i32[word]!;
      if (at === element) return word;
      if ((at & 1) !== 0) return -1;
      word = at >> 2;
    }
  }

  return {
    find(map, key) {
      const m = map >> 2;
      const htab = u32[m + STATE]! >> 2;
      const size = u32[m + KEY_SIZE]!;
      const hash = hashFunction(key, size, u32[htab + HASHRND]!);
      const index = hash & u32[htab + MASK]!;
      const bucket = (u32[htab + BUCKETS]! >> 2) + 4 * index;
      let at = i32[bucket]!;
      if ((at & 1) !== 0) return 0; // an empty bucket was read at one moment: nothing to confirm
      do {
        if (i32[(at >> 2) + HASH] === hash && sameKey(at, key, size)) return at;
        at = i32[at >> 2]!;
      } while ((at & 1) === 0);
      return confirm(bucket, (index << 1) | 1, hash, key, size);
    },
    hashOf(map, key) {
      const htab = u32[(map >> 2) + STATE]! >> 2;
      return hashFunction(key, u32[(map >> 2) + KEY_SIZE]!, u32[htab + HASHRND]!);
    },
    bucketOf(map, hash) {
      const htab = u32[(map >> 2) + STATE]! >> 2;
      return (u32[htab + BUCKETS]! >> 2) + 4 * (hash & u32[htab + MASK]!);
    },
    lock: (bucket) => spinLock(i32, bucket + LOCK),
    unlock: (bucket) => spinUnlock(i32, bucket + LOCK),
    findLocked(map, bucket, hash, key) {
      const size = u32[(map >> 2) + KEY_SIZE]!;
      for (let at = i32[bucket]!; (at & 1) === 0; at = i32[at >> 2]!) {
        if (i32[(at >> 2) + HASH] === hash && sameKey(at, key, size)) return at;
      }
      return 0;
    },
    link(bucket, element) {
      i32[element >> 2] = i32[bucket]!;
      Atomics.store(i32, bucket, element);
    },
    replace(bucket, old, element) {
      const word = leadsTo(bucket, old);
      i32[element >> 2] = i32[old >> 2]!;
      Atomics.add(i32, bucket + VERSION, 1); // before anybody can use the old one again
      Atomics.store(i32, word, element);
    },
    unlink(bucket, element) {
      const word = leadsTo(bucket, element);
      if (word < 0) return false;
      Atomics.add(i32, bucket + VERSION, 1);
      Atomics.store(i32, word, i32[element >> 2]!);
      return true;
    },
  };
}
