/**
 * The slots of a devmap_hash: buckets of chained entries, by key. A power of two of buckets, as many as the map may have
 * entries, so that chains stay short whatever the keys are.
 *
 * Owner  the host thread changes chains: a new entry is complete before it becomes a bucket's first, a removed one keeps
 * its `next` until no CPU can be in it. Any CPU walks them.
 */
import { BPF_MAP } from '@cpumap/bpf';
import type { Memory } from '@cpumap/smp';
import { BPF_DTAB_NETDEV } from './entry.ts';

export function bucketCount(maxEntries: number): number {
  return 2 ** Math.ceil(Math.log2(maxEntries));
}

/** Index of the word of the bucket that a key belongs to. */
export function bucketOf({ u32 }: Memory, map: number, key: number): number {
  const buckets = bucketCount(u32[(map + BPF_MAP.max_entries) >> 2]!);
  return (u32[(map + BPF_MAP.elements) >> 2]! >> 2) + (key & (buckets - 1));
}

/** The address of the entry of a key, 0 when there is none. */
export function attachHashLookup(memory: Memory): (map: number, key: number) => number {
  const { u32 } = memory;
  return (map, key) => {
    let entry = u32[bucketOf(memory, map, key)]!;
    while (entry !== 0 && u32[(entry + BPF_DTAB_NETDEV.key) >> 2] !== key >>> 0) {
      entry = u32[(entry + BPF_DTAB_NETDEV.next) >> 2]!;
    }
    return entry;
  };
}
