/**
 * bpf(BPF_MAP_*), the layer above the types: descriptors and their rights, frozen maps, flags that mean the same for all
 * types, and the sizes of keys and values.
 *
 * A map is  open ──close──► closed ──last map of maps lets go──► freed; one that is not held is freed when it is closed.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import {
  BPF_ANY,
  BPF_F_LOCK,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  mapTypeName,
} from '@cpumap/uapi';
import {
  type BatchOptions,
  BPF_MAP,
  type BpfMap,
  type FullMapSpec,
  type MapSpec,
  type MapType,
  NO_SPIN_LOCK,
} from './bpf-map.ts';
import { unlessAbsent } from './map-batch.ts';
import { rememberHandle } from './map-handle.ts';
import { checkU32, keyBytes, type MapKey } from './map-key.ts';
import { refuse } from './map-refusal.ts';

export interface MapParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly types: ReadonlyMap<number, MapType>;
}

const hasLock = (flags: number): boolean => flags % (2 * BPF_F_LOCK) >= BPF_F_LOCK;

/** mirrors map_check_btf: where a bpf_spin_lock may be. */
function checkSpinLock(spec: FullMapSpec, type: MapType): void {
  const { spinLockOffset: offset, valueSize, flags } = spec;
  if (offset === undefined) return;
  const command = 'BPF_MAP_CREATE';
  if (!(Number.isInteger(offset) && offset >= 0 && offset % 4 === 0 && offset + 4 <= valueSize)) {
    refuse('EINVAL', command, `a bpf_spin_lock at offset ${offset} of ${valueSize} bytes: it has 4 bytes, aligned`);
  }
  if ((flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) !== 0) {
    refuse('EACCES', command, 'values with a bpf_spin_lock must be open to programs for reading and writing');
  }
  if (!type.spinLocks) {
    refuse('EOPNOTSUPP', command, `values of a ${mapTypeName(spec.type)} cannot have a bpf_spin_lock`);
  }
}

/** bpf(BPF_MAP_CREATE). @throws KernelError by type; EINVAL for an unknown type */
export function createMap({ memory, allocator, types }: MapParts, spec: MapSpec, id: number): BpfMap {
  const { u32 } = memory;
  const full: FullMapSpec = { ...spec, name: spec.name ?? '', flags: spec.flags ?? 0, id };
  const { flags, keySize, valueSize } = full;
  for (const field of ['keySize', 'valueSize', 'maxEntries', 'flags'] as const) checkU32(field, full[field]);
  if ((flags & BPF_F_RDONLY) !== 0 && (flags & BPF_F_WRONLY) !== 0) {
    refuse('EINVAL', 'BPF_MAP_CREATE', 'BPF_F_RDONLY and BPF_F_WRONLY exclude each other');
  }
  const type = types.get(spec.type) ?? refuse('EINVAL', 'BPF_MAP_CREATE', `no map type ${spec.type}`);
  type.allocCheck(full);
  checkSpinLock(full, type);
  const permanent = (flags & ~(BPF_F_RDONLY | BPF_F_WRONLY)) >>> 0;
  const locks = full.spinLockOffset !== undefined;

  const map = allocator.alloc(BPF_MAP.sizeof);
  u32[(map + BPF_MAP.map_type) >> 2] = full.type;
  u32[(map + BPF_MAP.key_size) >> 2] = keySize;
  u32[(map + BPF_MAP.value_size) >> 2] = valueSize;
  u32[(map + BPF_MAP.max_entries) >> 2] = full.maxEntries;
  u32[(map + BPF_MAP.map_flags) >> 2] = permanent;
  u32[(map + BPF_MAP.id) >> 2] = id;
  u32[(map + BPF_MAP.spin_lock_off) >> 2] = full.spinLockOffset ?? NO_SPIN_LOCK;
  try {
    type.alloc(map, full);
  } catch (error) {
    allocator.free(map);
    throw error;
  }

  const mapFlags = u32[(map + BPF_MAP.map_flags) >> 2]!; // a type may have added to them
  let frozen = false;
  let open = true;
  let references = 1;

  function checkOpen(command: string): void {
    if (!open) refuse('EBADF', command, `map ${id} is closed`);
  }
  function readable(command: string): void {
    checkOpen(command);
    if ((flags & BPF_F_WRONLY) !== 0) refuse('EPERM', command, `map ${id} was opened with BPF_F_WRONLY`);
  }
  function writable(command: string): void {
    checkOpen(command);
    if ((flags & BPF_F_RDONLY) !== 0) refuse('EPERM', command, `map ${id} was opened with BPF_F_RDONLY`);
    if (frozen) refuse('EPERM', command, `map ${id} is frozen: user space may only look up`);
  }
  function checkLock(command: string, elemFlags: number): void {
    if (hasLock(elemFlags) && !locks) {
      refuse('EINVAL', command, 'BPF_F_LOCK, but the values have no bpf_spin_lock: give spinLockOffset at creation');
    }
  }
  function checkElemFlags(command: string, elemFlags: number): void {
    if (elemFlags !== BPF_ANY && elemFlags !== BPF_F_LOCK) {
      refuse('EINVAL', command, `flags ${elemFlags} are not known here: use 0 or BPF_F_LOCK`);
    }
  }
  const unsupported = (command: string): never =>
    refuse('ENOTSUPP', command, `a ${mapTypeName(full.type)} has no such operation`);

  function checkValue(value: Uint8Array): void {
    const size = type.userValueSize?.(map) ?? valueSize;
    if (value.length !== size) throw new RangeError(`a value of map ${id} has ${size} bytes, not ${value.length}`);
  }
  function batchOptions(command: string, options: BatchOptions): Required<BatchOptions> {
    const { elemFlags = BPF_ANY, flags: commandFlags = 0 } = options;
    checkElemFlags(command, elemFlags);
    checkLock(command, elemFlags);
    return { elemFlags, flags: commandFlags };
  }
  function release(): void {
    if (--references > 0) return;
    type.free(map);
    allocator.free(map);
  }

  const bpfMap: BpfMap = {
    id,
    name: full.name,
    type: full.type,
    pointer: map,
    ...(type.memory && { memory: type.memory(map) }),
    ...(type.inner && { inner: type.inner(map) }),
    info: () => ({
      id,
      name: full.name,
      type: full.type,
      keySize,
      valueSize,
      maxEntries: full.maxEntries,
      flags: mapFlags,
      frozen,
      ...(full.spinLockOffset === undefined ? {} : { spinLockOffset: full.spinLockOffset }),
    }),
    lookup(key, elemFlags = BPF_ANY) {
      const command = 'BPF_MAP_LOOKUP_ELEM';
      checkElemFlags(command, elemFlags);
      readable(command);
      checkLock(command, elemFlags);
      return type.lookup(map, keyBytes(key, keySize), elemFlags);
    },
    update(key, value, elemFlags = BPF_ANY) {
      const command = 'BPF_MAP_UPDATE_ELEM';
      writable(command);
      checkLock(command, elemFlags);
      const bytes = keyBytes(key, keySize);
      checkValue(value);
      type.update(map, bytes, value, elemFlags);
    },
    delete(key) {
      writable('BPF_MAP_DELETE_ELEM');
      type.delete(map, keyBytes(key, keySize));
    },
    getNextKey(key) {
      readable('BPF_MAP_GET_NEXT_KEY');
      return type.getNextKey(map, key === undefined ? undefined : keyBytes(key, keySize));
    },
    *keys() {
      for (let last: Uint8Array | undefined; ; ) {
        const key = unlessAbsent(() => bpfMap.getNextKey(last));
        if (key === undefined) return;
        yield key.slice(); // the caller may write in what it gets
        last = key;
      }
    },
    *entries() {
      for (const key of bpfMap.keys()) {
        const value = unlessAbsent(() => bpfMap.lookup(key));
        if (value !== undefined) yield [key, value];
      }
    },
    lookupAndDelete(key, elemFlags = BPF_ANY) {
      const command = 'BPF_MAP_LOOKUP_AND_DELETE_ELEM';
      checkElemFlags(command, elemFlags);
      readable(command);
      writable(command);
      checkLock(command, elemFlags);
      const bytes = keyBytes(key, keySize);
      return type.lookupAndDelete?.(map, bytes, elemFlags) ?? unsupported(command);
    },
    lookupBatch(from, count, options = {}) {
      const command = 'BPF_MAP_LOOKUP_BATCH';
      readable(command);
      if (type.lookupBatch === undefined) return unsupported(command);
      return type.lookupBatch(map, from, count, batchOptions(command, options));
    },
    lookupAndDeleteBatch(from, count, options = {}) {
      const command = 'BPF_MAP_LOOKUP_AND_DELETE_BATCH';
      readable(command);
      writable(command);
      if (type.lookupAndDeleteBatch === undefined) return unsupported(command);
      return type.lookupAndDeleteBatch(map, from, count, batchOptions(command, options));
    },
    updateBatch(keys, values, options = {}) {
      const command = 'BPF_MAP_UPDATE_BATCH';
      writable(command);
      if (type.updateBatch === undefined) return unsupported(command);
      const { elemFlags } = batchOptions(command, options);
      if (keys.length !== values.length) throw new RangeError(`${keys.length} keys, but ${values.length} values`);
      const bytes = batchKeys(keys);
      for (const value of values) checkValue(value);
      type.updateBatch(map, bytes, values, elemFlags);
    },
    deleteBatch(keys, options = {}) {
      const command = 'BPF_MAP_DELETE_BATCH';
      writable(command);
      if (type.deleteBatch === undefined) return unsupported(command);
      batchOptions(command, options);
      type.deleteBatch(map, batchKeys(keys));
    },
    freeze() {
      checkOpen('BPF_MAP_FREEZE');
      if (locks) refuse('ENOTSUPP', 'BPF_MAP_FREEZE', 'values with a bpf_spin_lock cannot be frozen');
      writable('BPF_MAP_FREEZE'); // a frozen map cannot be frozen again: EPERM too
      frozen = true;
    },
    close() {
      if (!open) return;
      open = false;
      release();
    },
  };

  function batchKeys(keys: readonly MapKey[]): Uint8Array[] {
    return keys.map((key) => keyBytes(key, keySize));
  }

  rememberHandle(bpfMap, {
    pointer: map,
    memory,
    allocator,
    type,
    get open() {
      return open;
    },
    hold() {
      references++;
    },
    release,
  });
  return bpfMap;
}
