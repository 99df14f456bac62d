/** BPF_MAP_TYPE_LPM_TRIE as user space sees it. Keys are a u32 prefix length and up to 256 bytes of data. */

import type { Allocator, Memory } from '@cpumap/smp';
import {
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  BPF_MAP_TYPE,
} from '@cpumap/uapi';
import { accessOk } from './array-index.ts';
import { BPF_MAP, type MapType } from './bpf-map.ts';
import { allocTrie, freeTrie, LPM_DATA_OFF, LPM_KEY_DATA, LPM_NODE } from './lpm-layout.ts';
import { attachLpmOps } from './lpm-ops.ts';
import { genericDeleteBatch, genericLookupBatch, genericUpdateBatch } from './map-batch.ts';
import { bytesOfU32 } from './map-key.ts';
import { refuse, refuseErrno } from './map-refusal.ts';
import { attachSharedBytes } from './shared-bytes.ts';

const KNOWN = BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
const KEY_SIZE_MIN = LPM_KEY_DATA + 1;
const KEY_SIZE_MAX = LPM_KEY_DATA + 256;
/** KMALLOC_MAX_SIZE without the longest data and the kernel's struct lpm_trie_node. */
const VALUE_SIZE_MAX = (1 << 22) - 256 - 40;
const FENCE_SIZE = 8;

const HINTS = {
  EINVAL: 'the flags are not known, or the prefix is longer than the data',
  ENOENT: 'there is no such prefix',
  EEXIST: 'the prefix exists: BPF_NOEXIST only creates',
  ENOSPC: 'the trie is full: delete something or create it with more max_entries',
};

export function lpmMapTypes(memory: Memory, allocator: Allocator): Map<number, MapType> {
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const hosts = new Map<number, { staging: number; valueAt: number; ops: ReturnType<typeof attachLpmOps> }>();
  const read = (map: number, field: number): number => u32[(map + field) >> 2]!;

  function stageKey(map: number, key: Uint8Array): number {
    const at = hosts.get(map)!.staging + FENCE_SIZE;
    bytes.write(at, key);
    return at;
  }

  const prefixlenOf = (node: number): number => u32[(node + LPM_NODE.prefixlen) >> 2]!;
  const isEntry = (node: number): boolean => u32[(node + LPM_NODE.intermediate) >> 2] === 0;
  const child = (node: number, side: number): number => i32[(node >> 2) + side]!;

  /** The first node of a subtree in postorder: the most specific prefix on the left. */
  function leftmost(node: number): number {
    let at = node;
    for (;;) {
      const next = child(at, 0) || child(at, 1);
      if (next === 0) return at;
      at = next;
    }
  }

  /** The nodes from the root to where the key is, or undefined when it is not there. */
  function pathTo(map: number, keyAt: number): number[] | undefined {
    const { ops } = hosts.get(map)!;
    const wanted = u32[keyAt >> 2]!;
    const path: number[] = [];
    let node = u32[read(map, BPF_MAP.state) >> 2]!;
    while (node !== 0) {
      path.push(node);
      if (ops.commonBits(node, keyAt) < prefixlenOf(node)) return undefined;
      if (prefixlenOf(node) === wanted) return isEntry(node) ? path : undefined;
      node = child(node, ops.bitOf(keyAt + LPM_KEY_DATA, prefixlenOf(node)));
    }
    return undefined;
  }

  /** The next entry in postorder, or 0; mirrors trie_get_next_key: a key that is not there is before the first. */
  function nextNode(map: number, key: Uint8Array | undefined): number {
    const root = u32[read(map, BPF_MAP.state) >> 2]!;
    if (root === 0) return 0;
    const path = key === undefined ? undefined : pathTo(map, stageKey(map, key));
    if (path === undefined) return leftmost(root);
    for (let node = path.pop()!; path.length > 0; node = path.pop()!) {
      const parent = path.at(-1)!;
      const right = child(parent, 1);
      if (child(parent, 0) === node && right !== 0) return leftmost(right);
      if (isEntry(parent)) return parent;
    }
    return 0;
  }

  const element = {
    lookup(map: number, key: Uint8Array): Uint8Array {
      const { ops } = hosts.get(map)!;
      ops.lock(map); // so that the node is not used again before its value is read
      try {
        const value = ops.lookup(map, stageKey(map, key));
        if (value === 0) refuse('ENOENT', 'BPF_MAP_LOOKUP_ELEM', 'no prefix matches');
        return bytes.read(value, read(map, BPF_MAP.value_size));
      } finally {
        ops.unlock(map);
      }
    },
    update(map: number, key: Uint8Array, value: Uint8Array, flags: number): void {
      const { ops, valueAt } = hosts.get(map)!;
      bytes.write(valueAt, value);
      refuseErrno(ops.update(map, stageKey(map, key), valueAt, flags), 'BPF_MAP_UPDATE_ELEM', HINTS);
    },
    delete(map: number, key: Uint8Array): void {
      refuseErrno(hosts.get(map)!.ops.delete(map, stageKey(map, key)), 'BPF_MAP_DELETE_ELEM', HINTS);
    },
    getNextKey(map: number, key: Uint8Array | undefined): Uint8Array {
      const { ops } = hosts.get(map)!;
      ops.lock(map);
      try {
        const node = nextNode(map, key);
        if (node === 0) refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', 'no prefix is left');
        const dataSize = read(map, BPF_MAP.key_size) - LPM_KEY_DATA;
        return Uint8Array.of(...bytesOfU32(prefixlenOf(node)), ...bytes.read(node + LPM_DATA_OFF, dataSize));
      } finally {
        ops.unlock(map);
      }
    },
  };

  const type: MapType = {
    ...element,
    lookupBatch: genericLookupBatch(element),
    updateBatch: genericUpdateBatch(element),
    deleteBatch: genericDeleteBatch(element),
    allocCheck({ keySize, valueSize, maxEntries, flags }) {
      // mirrors trie_alloc
      const flagsOk = (flags & BPF_F_NO_PREALLOC) !== 0 && (flags & ~KNOWN) === 0 && accessOk(flags);
      const sizesOk =
        keySize >= KEY_SIZE_MIN && keySize <= KEY_SIZE_MAX && valueSize > 0 && valueSize <= VALUE_SIZE_MAX;
      if (flagsOk && sizesOk && maxEntries > 0) return;
      const keys = `keys of ${KEY_SIZE_MIN} to ${KEY_SIZE_MAX} bytes, values and entries of at least 1`;
      refuse('EINVAL', 'BPF_MAP_CREATE', `an LPM trie has ${keys}, and needs the flag BPF_F_NO_PREALLOC`);
    },
    alloc(map, { keySize, valueSize }) {
      allocTrie(memory, allocator, map);
      const valueOff = FENCE_SIZE + ((keySize + 7) & ~7);
      try {
        const staging = allocator.alloc(valueOff + valueSize);
        hosts.set(map, { staging, valueAt: staging + valueOff, ops: attachLpmOps(memory, staging) });
      } catch (error) {
        freeTrie(memory, allocator, map);
        throw error;
      }
    },
    free(map) {
      allocator.free(hosts.get(map)!.staging);
      hosts.delete(map);
      freeTrie(memory, allocator, map);
    },
  };
  return new Map([[BPF_MAP_TYPE.LPM_TRIE, type]]);
}
