/**
 * Reading a hash bucket by bucket; mirrors __htab_map_lookup_and_delete_batch. A batch's place is a bucket's number, and
 * buckets are never split: ENOSPC when the first one alone has more elements than asked for.
 */

import type { Memory } from '@cpumap/smp';
import { BPF_MAP, type MapBatch, type MapType } from './bpf-map.ts';
import { BUCKET, HTAB } from './hash-layout.ts';
import type { HashOps } from './hash-ops.ts';
import { bytesOfU32, u32Of } from './map-key.ts';
import { refuse } from './map-refusal.ts';

/** What the host thread has of one map. */
export interface HostHash {
  readonly ops: HashOps;
  /** Puts a key in the shared memory. */
  stageKey(key: Uint8Array): number;
  stageValue(value: Uint8Array): number;
  readKey(element: number): Uint8Array;
  readValue(element: number, flags: number): Uint8Array;
}

export interface HashBatches {
  readonly lookupBatch: NonNullable<MapType['lookupBatch']>;
  readonly lookupAndDeleteBatch: NonNullable<MapType['lookupAndDeleteBatch']>;
  /** The first key of the buckets after one, or of all. */
  firstKeyAfter(map: number, bucket: number | undefined): Uint8Array | undefined;
}

export function hashBatches({ u32, i32 }: Memory, hostOf: (map: number) => HostHash): HashBatches {
  const STRIDE = BUCKET.sizeof >> 2;

  /** Where the buckets are, in words, and how many. */
  function bucketsOf(map: number): { first: number; n: number } {
    const htab = u32[(map + BPF_MAP.state) >> 2]!;
    return { first: u32[(htab + HTAB.buckets) >> 2]! >> 2, n: u32[(htab + HTAB.mask) >> 2]! + 1 };
  }

  /** What `act` makes of the elements of a bucket, while it is locked. */
  function withBucket<T>(map: number, bucket: number, act: (elements: number[]) => T): T {
    const { chains } = hostOf(map).ops;
    chains.lock(bucket);
    try {
      const elements: number[] = [];
      for (let at = i32[bucket]!; (at & 1) === 0; at = i32[at >> 2]!) elements.push(at);
      return act(elements);
    } finally {
      chains.unlock(bucket);
    }
  }

  function batch(remove: boolean): NonNullable<MapType['lookupBatch']> {
    const command = remove ? 'BPF_MAP_LOOKUP_AND_DELETE_BATCH' : 'BPF_MAP_LOOKUP_BATCH';
    return (map, from, count, { elemFlags, flags }): MapBatch => {
      if (flags !== 0) refuse('EINVAL', command, `flags ${flags}: the command has none`);
      const { first, n } = bucketsOf(map);
      const host = hostOf(map);
      const keys: Uint8Array[] = [];
      const values: Uint8Array[] = [];
      let index = from === undefined ? 0 : u32Of(from.subarray(0, 4));
      if (count === 0) return { keys, values, next: bytesOfU32(index) };
      for (; index < n; index++) {
        const bucket = first + index * STRIDE;
        const fits = withBucket(map, bucket, (elements) => {
          if (keys.length + elements.length > count) return undefined;
          for (const element of elements) {
            keys.push(host.readKey(element));
            values.push(host.readValue(element, elemFlags));
            if (remove) host.ops.chains.unlink(bucket, element);
          }
          return elements;
        });
        if (fits === undefined) break;
        if (remove) for (const element of fits) host.ops.release(map, element);
      }
      if (index >= n) return { keys, values, next: undefined };
      if (keys.length === 0)
        refuse('ENOSPC', command, `a bucket has more than ${count} elements: ask for more at once`);
      return { keys, values, next: bytesOfU32(index) };
    };
  }

  return {
    lookupBatch: batch(false),
    lookupAndDeleteBatch: batch(true),
    firstKeyAfter(map, bucket) {
      const { first, n } = bucketsOf(map);
      for (let at = bucket === undefined ? first : bucket + STRIDE; at < first + n * STRIDE; at += STRIDE) {
        const key = withBucket(map, at, (elements) =>
          elements.length === 0 ? undefined : hostOf(map).readKey(elements[0]!),
        );
        if (key !== undefined) return key;
      }
      return undefined;
    },
  };
}
