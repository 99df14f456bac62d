/**
 * BPF_MAP_TYPE_ARRAY_OF_MAPS and HASH_OF_MAPS: a slot or value is the address of an inner map, for programs; user space
 * writes a descriptor (on the engine the map's id) and reads an id.
 *
 * An inner map lives while an outer map holds it. One that leaves is let go of after a grace period, as a program on some
 * CPU may have just looked it up (maybe_wait_bpf_programs).
 */

import { BPF_F_INNER_MAP, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { BpfProgram } from '../program.ts';
import { BPF_MAP, type BpfMap, type FullMapSpec, type MapBatch, type MapType } from './bpf-map.ts';
import { fdArrayType } from './fd-array.ts';
import { type HashParts, hashType } from './hash-map.ts';
import { genericDeleteBatch, genericLookupBatch, genericUpdateBatch, unlessAbsent } from './map-batch.ts';
import { handleOf, type MapHandle } from './map-handle.ts';
import { bytesOfU32, u32Of } from './map-key.ts';
import { refuse, refuseDescriptor } from './map-refusal.ts';

export interface MapOfMapsParts extends HashParts {
  /** The map that a descriptor stands for. */
  readonly mapByFd: (fd: number) => BpfMap | undefined;
  /** The program that a descriptor stands for. */
  readonly programByFd: (fd: number) => BpfProgram | undefined;
  /** Returns when no CPU can still hold what was reachable before. */
  readonly synchronizeRcu: () => void;
}

/** What an outer map demands of its inner maps: these numbers must be the same. */
interface Meta {
  readonly template: BpfMap;
  readonly numbers: readonly number[];
}

export function mapOfMapsTypes(parts: MapOfMapsParts): Map<number, MapType> {
  const { memory, mapByFd, programByFd, synchronizeRcu } = parts;
  const { u32 } = memory;
  const metas = new Map<number, Meta>(); // by the outer map's address
  const held = new Map<number, MapHandle>(); // by the inner map's address; an address that is used again is set anew

  /** mirrors bpf_map_meta_equal and array_map_meta_equal. */
  function numbersOf(map: number): number[] {
    const read = (field: number): number => u32[(map + field) >> 2]!;
    const type = read(BPF_MAP.map_type);
    const flags = read(BPF_MAP.map_flags);
    const sameLength = type === BPF_MAP_TYPE.XSKMAP || (type === BPF_MAP_TYPE.ARRAY && (flags & BPF_F_INNER_MAP) === 0);
    const length = sameLength ? read(BPF_MAP.max_entries) : 0;
    return [type, read(BPF_MAP.key_size), read(BPF_MAP.value_size), flags, read(BPF_MAP.spin_lock_off), length];
  }

  function mapOf(fd: number, command: string): BpfMap {
    return mapByFd(fd) ?? refuseDescriptor(command, fd, 'map', programByFd(fd));
  }

  /** mirrors bpf_map_meta_alloc. */
  function checkTemplate({ innerMapFd }: FullMapSpec): Meta {
    const command = 'BPF_MAP_CREATE';
    if (innerMapFd === undefined) refuse('EINVAL', command, 'a map of maps needs innerMapFd, a map like those within');
    const template = mapOf(innerMapFd, command);
    const { pointer } = handleOf(template, command);
    const type = u32[(pointer + BPF_MAP.map_type) >> 2]!;
    if (type === BPF_MAP_TYPE.ARRAY_OF_MAPS || type === BPF_MAP_TYPE.HASH_OF_MAPS) {
      refuse('EINVAL', command, 'maps of maps cannot be nested');
    }
    if (type === BPF_MAP_TYPE.PROG_ARRAY) refuse('ENOTSUPP', command, 'a PROG_ARRAY cannot be an inner map');
    return { template, numbers: numbersOf(pointer) };
  }

  /** mirrors bpf_map_fd_get_ptr. */
  function get(outer: number, fd: number): number {
    const command = 'BPF_MAP_UPDATE_ELEM';
    const handle = handleOf(mapOf(fd, command), command);
    const wanted = metas.get(outer)!.numbers;
    if (numbersOf(handle.pointer).some((value, i) => value !== wanted[i])) {
      const what = 'type, key size, value size, flags, lock';
      refuse('EINVAL', command, `map ${fd} is not like the one given at creation: ${what} or array length differ`);
    }
    handle.hold();
    held.set(handle.pointer, handle);
    return handle.pointer;
  }

  function put(pointer: number): void {
    synchronizeRcu();
    held.get(pointer)!.release();
  }

  const inner = (outer: number): BpfMap => metas.get(outer)!.template;
  const idOf = (pointer: number): number => u32[(pointer + BPF_MAP.id) >> 2]!;

  function arrayOfMaps(): MapType {
    const type = fdArrayType(parts, { get, put, idOf });
    return {
      ...type,
      inner,
      lookupBatch: genericLookupBatch(type),
      updateBatch: genericUpdateBatch(type),
      alloc(map, spec) {
        const meta = checkTemplate(spec);
        type.alloc(map, spec);
        metas.set(map, meta);
      },
      free(map) {
        type.free(map);
        metas.delete(map);
      },
    };
  }

  function hashOfMaps(): MapType {
    const hash = hashType(parts, false, false);
    const idBytes = (value: Uint8Array): Uint8Array => bytesOfU32(idOf(u32Of(value)));
    const current = (map: number, key: Uint8Array): Uint8Array | undefined =>
      unlessAbsent(() => hash.lookup(map, key, 0));

    const element = {
      lookup: (map: number, key: Uint8Array, flags: number): Uint8Array => idBytes(hash.lookup(map, key, flags)),
      update(map: number, key: Uint8Array, value: Uint8Array, flags: number): void {
        // the descriptor is looked at before the flags, as bpf_fd_htab_map_update_elem does
        const pointer = get(map, u32Of(value));
        const old = current(map, key);
        try {
          hash.update(map, key, bytesOfU32(pointer), flags);
        } catch (error) {
          held.get(pointer)!.release();
          throw error;
        }
        if (old !== undefined) put(u32Of(old));
      },
      delete(map: number, key: Uint8Array): void {
        const old = current(map, key);
        hash.delete(map, key);
        put(u32Of(old!));
      },
      getNextKey: hash.getNextKey,
    };
    const withIds = ({ values, ...rest }: MapBatch): MapBatch => ({ ...rest, values: values.map(idBytes) });

    return {
      ...element,
      inner,
      lookupBatch: (map, from, count, options) => withIds(hash.lookupBatch!(map, from, count, options)),
      lookupAndDeleteBatch(map, from, count, options) {
        const batch = hash.lookupAndDeleteBatch!(map, from, count, options);
        const ids = withIds(batch);
        for (const value of batch.values) put(u32Of(value));
        return ids;
      },
      updateBatch: genericUpdateBatch(element),
      deleteBatch: genericDeleteBatch(element),
      allocCheck(spec) {
        if (spec.valueSize !== 4) refuse('EINVAL', 'BPF_MAP_CREATE', 'a map of maps has values of 4 bytes');
        hash.allocCheck(spec);
      },
      alloc(map, spec) {
        const meta = checkTemplate(spec);
        hash.alloc(map, spec);
        metas.set(map, meta);
      },
      free(map) {
        for (;;) {
          const key = unlessAbsent(() => hash.getNextKey(map, undefined));
          if (key === undefined) break;
          element.delete(map, key);
        }
        hash.free(map);
        metas.delete(map);
      },
    };
  }

  return new Map([
    [BPF_MAP_TYPE.ARRAY_OF_MAPS, arrayOfMaps()],
    [BPF_MAP_TYPE.HASH_OF_MAPS, hashOfMaps()],
  ]);
}
