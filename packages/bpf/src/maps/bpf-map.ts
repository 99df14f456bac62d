/**
 * struct bpf_map: the head that every map has in the shared memory, and the map's other face, the object that the host
 * thread uses as a program uses bpf(2).
 *
 * Owner  the host thread creates, changes and frees maps. CPUs read them by pointer.
 * The checks of the syscall layer (frozen, flags) are here; what a type does is its `MapType`.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import { BPF_ANY, type ErrnoName, KernelError, layout } from '@cpumap/uapi';

export const BPF_MAP = layout({
  map_type: 'u32',
  key_size: 'u32',
  value_size: 'u32',
  max_entries: 'u32',
  map_flags: 'u32',
  id: 'u32',
  /** Where the elements lie: values of an array, entry pointers of a cpumap. */
  elements: 'u32',
  /** Bytes from one element to the next. */
  element_size: 'u32',
  /** Bytes from one CPU's elements to the next CPU's; 0 for maps that all CPUs share. */
  cpu_stride: 'u32',
});

export interface MapSpec {
  readonly name?: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
}

export interface MapInfo {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** A map as user space sees it. Keys are u32; values are bytes in the machine's order. */
export interface BpfMap {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  /** Its address in the shared memory: what programs hand to helpers. */
  readonly pointer: number;
  info(): MapInfo;
  /** @throws KernelError ENOENT, EINVAL */
  lookup(key: number, flags?: number): Uint8Array;
  /** @throws KernelError by type */
  update(key: number, value: Uint8Array, flags?: number): void;
  /** @throws KernelError by type */
  delete(key: number): void;
  /** The key after `key`, the first for `undefined`. @throws KernelError ENOENT after the last */
  getNextKey(key: number | undefined): number;
  /** @throws KernelError ENOTSUPP where the type has no such operation */
  lookupAndDelete(key: number): Uint8Array;
  lookupBatch(): never;
  updateBatch(): never;
  deleteBatch(): never;
  /** From now on user space may only look up. */
  freeze(): void;
  /** Closes the last reference: the map and what it holds is freed. Programs must not use it any more. */
  close(): void;
}

/** What a type of map does; pointers are to its BPF_MAP. */
export interface MapType {
  /** Refuses a spec, in the kernel's order of checks. */
  allocCheck(spec: Required<MapSpec>): void;
  /** Bytes of a value as user space passes it, where that is not value_size. */
  userValueSize?(map: number): number;
  /** Fills in the elements of a map whose head is set. */
  alloc(map: number): void;
  lookup(map: number, key: number): Uint8Array;
  update(map: number, key: number, value: Uint8Array, flags: number): void;
  delete(map: number, key: number): void;
  getNextKey(map: number, key: number | undefined): number;
  free(map: number): void;
}

export interface MapParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly types: ReadonlyMap<number, MapType>;
}

function refuse(code: ErrnoName, command: string, hint: string): never {
  throw new KernelError(code, `bpf(${command})`, { hint });
}

/** What the kernel reads as 32 bits. @throws RangeError */
function checkU32(what: string, value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return;
  throw new RangeError(`${what} must be a 32-bit unsigned integer, not ${value}`);
}

/** bpf(BPF_MAP_CREATE). @throws KernelError by type; EINVAL for an unknown type */
export function createMap({ memory, allocator, types }: MapParts, spec: MapSpec, id: number): BpfMap {
  const { u32 } = memory;
  const type = types.get(spec.type) ?? refuse('EINVAL', 'BPF_MAP_CREATE', `no map type ${spec.type}`);
  const full: Required<MapSpec> = { name: '', flags: 0, ...spec };
  for (const field of ['keySize', 'valueSize', 'maxEntries', 'flags'] as const) checkU32(field, full[field]);
  type.allocCheck(full);

  const map = allocator.alloc(BPF_MAP.sizeof);
  u32[(map + BPF_MAP.map_type) >> 2] = full.type;
  u32[(map + BPF_MAP.key_size) >> 2] = full.keySize;
  u32[(map + BPF_MAP.value_size) >> 2] = full.valueSize;
  u32[(map + BPF_MAP.max_entries) >> 2] = full.maxEntries;
  u32[(map + BPF_MAP.map_flags) >> 2] = full.flags;
  u32[(map + BPF_MAP.id) >> 2] = id;
  try {
    type.alloc(map);
  } catch (error) {
    allocator.free(map);
    throw error;
  }

  let frozen = false;
  let closed = false;
  const open = (command: string): void => {
    if (closed) refuse('EBADF', command, `map ${id} is closed`);
  };
  const writable = (command: string): void => {
    open(command);
    if (frozen) refuse('EPERM', command, `map ${id} is frozen: user space may only look up`);
  };
  const unsupported = (command: string, check = writable): never => {
    check(command);
    return refuse('ENOTSUPP', command, 'this type of map has no such operation');
  };

  return {
    id,
    name: full.name,
    type: full.type,
    pointer: map,
    info: () => ({
      id,
      name: full.name,
      type: full.type,
      keySize: full.keySize,
      valueSize: full.valueSize,
      maxEntries: full.maxEntries,
      flags: full.flags,
    }),
    lookup(key, flags = BPF_ANY) {
      open('BPF_MAP_LOOKUP_ELEM');
      checkU32('key', key);
      if (flags !== BPF_ANY) refuse('EINVAL', 'BPF_MAP_LOOKUP_ELEM', `flags ${flags} are not known here: use 0`);
      return type.lookup(map, key);
    },
    update(key, value, flags = BPF_ANY) {
      writable('BPF_MAP_UPDATE_ELEM');
      checkU32('key', key);
      const size = type.userValueSize?.(map) ?? full.valueSize;
      if (value.length !== size) throw new RangeError(`a value of map ${id} has ${size} bytes, not ${value.length}`);
      type.update(map, key, value, flags);
    },
    delete(key) {
      writable('BPF_MAP_DELETE_ELEM');
      checkU32('key', key);
      type.delete(map, key);
    },
    getNextKey(key) {
      open('BPF_MAP_GET_NEXT_KEY');
      if (key !== undefined) checkU32('key', key);
      return type.getNextKey(map, key);
    },
    lookupAndDelete: () => unsupported('BPF_MAP_LOOKUP_AND_DELETE_ELEM'),
    lookupBatch: () => unsupported('BPF_MAP_LOOKUP_BATCH', open),
    updateBatch: () => unsupported('BPF_MAP_UPDATE_BATCH'),
    deleteBatch: () => unsupported('BPF_MAP_DELETE_BATCH'),
    freeze() {
      writable('BPF_MAP_FREEZE'); // a frozen map cannot be frozen again: EPERM too
      frozen = true;
    },
    close() {
      if (closed) return;
      closed = true;
      type.free(map);
      allocator.free(map);
    },
  };
}
