/**
 * struct bpf_map: the head that every map has in the shared memory, and the map's other face, the object that the host
 * thread uses as a program uses bpf(2).
 *
 * Owner  the host thread creates, changes and frees maps. CPUs read them by pointer, and change elements.
 * What the syscall layer checks is in `create-map.ts`; what a type does is its `MapType`.
 */

import { layout } from '@cpumap/uapi';
import type { MapKey } from './map-key.ts';
import type { OwnedProgram } from './map-owner.ts';

export const BPF_MAP = layout({
  map_type: 'u32',
  key_size: 'u32',
  value_size: 'u32',
  max_entries: 'u32',
  /** Without BPF_F_RDONLY and BPF_F_WRONLY, which belong to a descriptor and not to the map. */
  map_flags: 'u32',
  id: 'u32',
  /** Where the elements lie: values of an array, entry pointers of a cpumap. */
  elements: 'u32',
  /** Bytes from one element to the next. */
  element_size: 'u32',
  /** Bytes from one CPU's elements (or values) to the next CPU's; 0 for maps that all CPUs share. */
  cpu_stride: 'u32',
  /** What else the type keeps in the shared memory; 0 for types that keep nothing. */
  state: 'u32',
  /** Offset of the bpf_spin_lock in a value, or NO_SPIN_LOCK. */
  spin_lock_off: 'u32',
});

export const NO_SPIN_LOCK = 0xffffffff;

export interface MapSpec {
  readonly name?: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
  /** Where a value has its bpf_spin_lock (4 bytes); the kernel finds it by the value's BTF. */
  readonly spinLockOffset?: number;
  /** For maps of maps: the map that all inner maps must be like. On the engine a descriptor is the map's id. */
  readonly innerMapFd?: number;
}

/** A spec with its defaults, as types see it. */
export interface FullMapSpec extends MapSpec {
  readonly name: string;
  readonly flags: number;
  readonly id: number;
}

export interface MapInfo {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Without BPF_F_RDONLY and BPF_F_WRONLY. */
  readonly flags: number;
  /** Whether user space may only look up for ever. */
  readonly frozen: boolean;
  readonly spinLockOffset?: number;
}

export interface BatchOptions {
  /** BPF_F_LOCK, where values have a lock. */
  readonly elemFlags?: number;
  /** Flags of the command itself; there are none yet. */
  readonly flags?: number;
}

export interface MapBatch {
  readonly keys: Uint8Array[];
  readonly values: Uint8Array[];
  /** Where to go on; `undefined` when the map's end was reached (the kernel says ENOENT then). */
  readonly next: Uint8Array | undefined;
}

/** A map as user space sees it. Keys are bytes, or numbers where they have 4; values are bytes in the machine's order. */
export interface BpfMap {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  /** Its address in the shared memory: what programs hand to helpers. */
  readonly pointer: number;
  /** Where the values of an array lie, from `start` up to `end`; absent for types whose values come and go. */
  readonly memory?: { readonly start: number; readonly end: number };
  /** Of a map of maps: the map that was given at creation, which all maps in it are like. */
  readonly inner?: BpfMap;
  info(): MapInfo;
  /** @throws KernelError ENOENT, EINVAL, EPERM (BPF_F_WRONLY), ENOTSUPP by type */
  lookup(key: MapKey, flags?: number): Uint8Array;
  /** @throws KernelError by type */
  update(key: MapKey, value: Uint8Array, flags?: number): void;
  /** @throws KernelError by type */
  delete(key: MapKey): void;
  /** The key after `key`, the first for `undefined`. @throws KernelError ENOENT after the last */
  getNextKey(key: MapKey | undefined): Uint8Array;
  /** All keys, each once if nobody changes the map meanwhile. */
  keys(): IterableIterator<Uint8Array>;
  /** All keys that still have a value when it is their turn, with it. */
  entries(): IterableIterator<[Uint8Array, Uint8Array]>;
  /** @throws KernelError ENOENT; ENOTSUPP where the type has no such operation */
  lookupAndDelete(key: MapKey, flags?: number): Uint8Array;
  /** Up to `count` elements from where a batch before ended. @throws KernelError ENOSPC, EINVAL, ENOTSUPP by type */
  lookupBatch(from: Uint8Array | undefined, count: number, options?: BatchOptions): MapBatch;
  lookupAndDeleteBatch(from: Uint8Array | undefined, count: number, options?: BatchOptions): MapBatch;
  /** @throws BatchError that counts the elements that were updated before one was refused */
  updateBatch(keys: readonly MapKey[], values: readonly Uint8Array[], options?: BatchOptions): void;
  /** @throws BatchError that counts the elements that were deleted before one was refused */
  deleteBatch(keys: readonly MapKey[], options?: BatchOptions): void;
  /** From now on user space may only look up. @throws KernelError EPERM; ENOTSUPP for values with a lock */
  freeze(): void;
  /** Closes user space's reference; the map is freed when no map of maps holds it. Programs must not use it any more. */
  close(): void;
}

/** What a type of map does; pointers are to its BPF_MAP, keys have the map's size. */
export interface MapType {
  /** Refuses a spec, in the kernel's order of checks. */
  allocCheck(spec: FullMapSpec): void;
  /** Whether its values may have a bpf_spin_lock. */
  readonly spinLocks?: boolean;
  /** Bytes of a value as user space passes it, where that is not value_size. */
  userValueSize?(map: number): number;
  /** Fills in the elements of a map whose head is set. */
  alloc(map: number, spec: FullMapSpec): void;
  lookup(map: number, key: Uint8Array, flags: number): Uint8Array;
  update(map: number, key: Uint8Array, value: Uint8Array, flags: number): void;
  delete(map: number, key: Uint8Array): void;
  getNextKey(map: number, key: Uint8Array | undefined): Uint8Array;
  lookupAndDelete?(map: number, key: Uint8Array, flags: number): Uint8Array;
  lookupBatch?(map: number, from: Uint8Array | undefined, count: number, options: Required<BatchOptions>): MapBatch;
  lookupAndDeleteBatch?(
    map: number,
    from: Uint8Array | undefined,
    count: number,
    options: Required<BatchOptions>,
  ): MapBatch;
  updateBatch?(map: number, keys: readonly Uint8Array[], values: readonly Uint8Array[], elemFlags: number): void;
  deleteBatch?(map: number, keys: readonly Uint8Array[]): void;
  /** Where its values lie, if they never move. */
  memory?(map: number): { start: number; end: number };
  /** The map that a map of maps was given at creation. */
  inner?(map: number): BpfMap;
  /** A program that uses the map was loaded. @throws KernelError EINVAL when it must not be used by both it and others */
  programUses?(map: number, program: OwnedProgram): void;
  free(map: number): void;
}
