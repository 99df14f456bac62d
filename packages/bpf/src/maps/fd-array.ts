/**
 * Arrays of what descriptors stand for: programs, maps, perf buffers. User space writes a descriptor and reads an id; a
 * slot holds one word, 0 when it is empty. Mirrors the fd_array operations of the kernel's arraymap.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import { BPF_ANY, BPF_F_NUMA_NODE, BPF_F_RDONLY, BPF_F_WRONLY } from '@cpumap/uapi';
import { nextIndex } from './array-index.ts';
import { BPF_MAP, type FullMapSpec, type MapType } from './bpf-map.ts';
import { bytesOfU32, u32Of } from './map-key.ts';
import { refuse } from './map-refusal.ts';

export interface FdArrayParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
}

/** What the slots hold. */
export interface FdKind {
  /** The word for a descriptor; what it stands for is held from now on. @throws KernelError EBADF, EINVAL */
  get(map: number, fd: number): number;
  /** What was in a slot has left it. */
  put(word: number): void;
  /** What user space reads; absent where it may not. */
  idOf?(word: number): number;
  /** Flags of creation besides the usual. */
  readonly flags?: number;
}

const KNOWN = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;

/** mirrors fd_array_map_alloc_check. */
function fdArrayAllocCheck({ keySize, valueSize, maxEntries, flags }: FullMapSpec, more = 0): void {
  if (maxEntries > 0 && keySize === 4 && valueSize === 4 && (flags & ~(KNOWN | more)) === 0) return;
  refuse('EINVAL', 'BPF_MAP_CREATE', 'it has 4-byte keys and values, at least 1 entry, no access flags for programs');
}

/** One word for each index. */
function allocSlots({ memory, allocator }: FdArrayParts, map: number): void {
  memory.u32[(map + BPF_MAP.element_size) >> 2] = 4;
  memory.u32[(map + BPF_MAP.elements) >> 2] = allocator.alloc(4 * memory.u32[(map + BPF_MAP.max_entries) >> 2]!);
}

export function fdArrayType(parts: FdArrayParts, kind: FdKind): MapType {
  const { memory, allocator } = parts;
  const { u32, i32 } = memory;
  const max = (map: number): number => u32[(map + BPF_MAP.max_entries) >> 2]!;
  const slot = (map: number, index: number): number => (u32[(map + BPF_MAP.elements) >> 2]! >> 2) + index;

  function swap(map: number, index: number, word: number): boolean {
    const old = Atomics.exchange(i32, slot(map, index), word);
    if (old !== 0) kind.put(old);
    return old !== 0;
  }

  return {
    allocCheck: (spec) => fdArrayAllocCheck(spec, kind.flags),
    alloc: (map) => allocSlots(parts, map),
    lookup(map, key) {
      if (kind.idOf === undefined) refuse('ENOTSUPP', 'BPF_MAP_LOOKUP_ELEM', 'user space cannot read what is in it');
      const index = u32Of(key);
      const word = index < max(map) ? Atomics.load(i32, slot(map, index)) : 0;
      if (word === 0) refuse('ENOENT', 'BPF_MAP_LOOKUP_ELEM', `nothing at index ${index}`);
      return bytesOfU32(kind.idOf(word));
    },
    update(map, key, value, flags) {
      // mirrors bpf_fd_array_map_update_elem
      const command = 'BPF_MAP_UPDATE_ELEM';
      if (flags !== BPF_ANY) refuse('EINVAL', command, `flags ${flags}: only BPF_ANY is known`);
      const index = u32Of(key);
      if (index >= max(map)) refuse('E2BIG', command, `index ${index}, but there are ${max(map)}`);
      swap(map, index, kind.get(map, u32Of(value)));
    },
    delete(map, key) {
      const command = 'BPF_MAP_DELETE_ELEM';
      const index = u32Of(key);
      if (index >= max(map)) refuse('E2BIG', command, `index ${index}, but there are ${max(map)}`);
      if (!swap(map, index, 0)) refuse('ENOENT', command, `nothing at index ${index}`);
    },
    getNextKey: (map, key) => nextIndex(key, max(map)),
    free(map) {
      for (let index = 0; index < max(map); index++) swap(map, index, 0);
      allocator.free(u32[(map + BPF_MAP.elements) >> 2]!);
    },
  };
}
