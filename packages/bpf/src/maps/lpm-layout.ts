/**
 * struct lpm_trie in the shared memory: a binary trie of prefixes, with intermediate nodes where two prefixes part.
 *
 * A node is   free ──take──► owned ──publish──► in the trie ──unlink──► free. A node in the trie changes only its children; a
 * new value is a new node. Writers hold the trie's lock; each node that leaves the trie raises `version` before it can
 * be used again, so that a reader knows whether what it walked on may have changed under it.
 */

import { type Allocator, CACHELINE, type Memory } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';

export const LPM_TRIE = layout({
  root: 'u32',
  version: 'u32',
  max_prefixlen: 'u32',
  /** Where a node's value begins. */
  value_off: 'u32',
});
/** What only writers touch, on a cache line of its own. */
export const LPM_WRITERS = layout({
  lock: 'u32',
  n_entries: 'u32',
  free_head: 'u32',
  /** How many nodes were ever taken. */
  fresh: 'u32',
});
export const LPM_WRITERS_AT = CACHELINE;

export const LPM_NODE = layout({
  /** Two of them; the first also links the free list. */
  child0: 'u32',
  child1: 'u32',
  prefixlen: 'u32',
  /** 1 for a node that is there only because two prefixes part. */
  intermediate: 'u32',
});
/** The key's data follow the head. */
export const LPM_DATA_OFF = LPM_NODE.sizeof;
/** A key begins with its prefix length. */
export const LPM_KEY_DATA = 4;

export function allocTrie({ u32 }: Memory, allocator: Allocator, map: number): void {
  const dataSize = u32[(map + BPF_MAP.key_size) >> 2]! - LPM_KEY_DATA;
  const valueOff = LPM_DATA_OFF + ((dataSize + 7) & ~7);
  const nodeSize = valueOff + ((u32[(map + BPF_MAP.value_size) >> 2]! + 7) & ~7);
  // each prefix needs at most one intermediate node, and one more while it is replaced
  const nodes = 2 * u32[(map + BPF_MAP.max_entries) >> 2]! + 1;
  const elements = allocator.alloc(nodes * nodeSize);
  let trie: number;
  try {
    trie = allocator.alloc(LPM_WRITERS_AT + CACHELINE);
  } catch (error) {
    allocator.free(elements);
    throw error;
  }
  u32[(trie + LPM_TRIE.max_prefixlen) >> 2] = 8 * dataSize;
  u32[(trie + LPM_TRIE.value_off) >> 2] = valueOff;
  u32[(map + BPF_MAP.state) >> 2] = trie;
  u32[(map + BPF_MAP.elements) >> 2] = elements;
  u32[(map + BPF_MAP.element_size) >> 2] = nodeSize;
}

export function freeTrie({ u32 }: Memory, allocator: Allocator, map: number): void {
  allocator.free(u32[(map + BPF_MAP.elements) >> 2]!);
  allocator.free(u32[(map + BPF_MAP.state) >> 2]!);
}
