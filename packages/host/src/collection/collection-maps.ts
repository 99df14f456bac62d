/**
 * The maps of a collection: created in the object's order, data sections last, as constants may be ids of other maps.
 *
 * Owner  whoever calls `createCollectionMaps`, until `close`. A failure closes what was created before.
 */
import {
  type BpfMap,
  type Btf,
  bytesOfU32,
  type CollectionSpec,
  clampMaps,
  type ObjectMap,
  skipModifiers,
} from '@cpumap/bpf';
import { BPF_MAP_TYPE, KernelError, mapTypeName } from '@cpumap/uapi';
import type { Backend } from '../backend.ts';
import { type ConstantValue, checkConstants, contentsWithConstants } from './constants.ts';
import { placeOf, withPlace } from './object-place.ts';

export interface CollectionMapOptions {
  /** Values of `const volatile` variables, by name. */
  readonly constants?: Readonly<Record<string, ConstantValue>>;
  /** Sizes of maps, by name: for those whose definition leaves max_entries to the loader, and over those that do not. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** The most entries that any map gets; without it a map that is too large is refused. */
  readonly clampMaps?: number;
}

export interface CollectionMaps {
  readonly maps: ReadonlyMap<string, BpfMap>;
  /** What was done otherwise than the object says. */
  readonly notes: readonly string[];
  close(): void;
}

/** Where a value has its struct bpf_spin_lock; the kernel finds it by BTF too. */
function spinLockOffset(btf: Btf | undefined, valueType: number | undefined): number | undefined {
  if (btf === undefined || valueType === undefined) return undefined;
  const value = skipModifiers(btf, valueType)?.type;
  if (value?.kind !== 'struct') return undefined;
  const isLock = (id: number): boolean => {
    const type = skipModifiers(btf, id)?.type;
    return type?.kind === 'struct' && type.name === 'bpf_spin_lock';
  };
  const lock = value.members.find(({ type }) => isLock(type));
  return lock && lock.bitOffset / 8;
}

/** @throws KernelError ENOENT for a size of a map that the object does not have */
function withSizes(spec: CollectionSpec, maxEntries: Readonly<Record<string, number>>): CollectionSpec {
  const missing = Object.keys(maxEntries).find((name) => !spec.maps.has(name));
  if (missing !== undefined) {
    throw new KernelError('ENOENT', `map ${missing}`, {
      hint: `${spec.name || 'the object'} has no such map, but ${[...spec.maps.keys()].join(', ') || 'none'}`,
    });
  }
  const sized = [...spec.maps].map(([name, map]): [string, ObjectMap] => [
    name,
    { ...map, maxEntries: Object.hasOwn(maxEntries, name) ? maxEntries[name]! : map.maxEntries },
  ]);
  return { ...spec, maps: new Map(sized) };
}

/** @throws KernelError, whose hint names file, map and section; nothing is left open then */
export function createCollectionMaps(
  backend: Backend,
  object: CollectionSpec,
  options: CollectionMapOptions = {},
): CollectionMaps {
  const { constants = {}, maxEntries = {}, clampMaps: limit } = options;
  checkConstants(object, constants);
  const sized = withSizes(object, maxEntries);
  const { spec, clamped } = limit === undefined ? { spec: sized, clamped: [] } : clampMaps(sized, limit);
  const notes = clamped.map(({ name, from, to }) => `map ${name} has ${to} entries instead of ${from}`);
  const maps = new Map<string, BpfMap>();
  const opened: BpfMap[] = [];

  function create(map: ObjectMap): BpfMap {
    const { name, type, keySize, valueSize, flags, pinning, numaNode, mapExtra } = map;
    // mirrors libbpf: one slot of a perf buffer for each CPU
    const perCpu = type === BPF_MAP_TYPE.PERF_EVENT_ARRAY && map.maxEntries === 0;
    if (map.maxEntries === 0 && !perCpu) {
      throw new KernelError('EINVAL', 'bpf(BPF_MAP_CREATE)', {
        hint: `its definition leaves max_entries to the loader: give maxEntries for ${name}`,
      });
    }
    if (pinning !== 'none')
      notes.push(`map ${name} asks to be pinned by name: there is no bpffs here, it is not shared`);
    if (numaNode !== undefined) notes.push(`map ${name} asks for NUMA node ${numaNode}: all memory is one node here`);
    if (mapExtra !== undefined && BigInt(mapExtra) !== 0n) notes.push(`map ${name}: map_extra ${mapExtra} is ignored`);
    const inner = map.inner === undefined ? undefined : create(map.inner);
    const lock = spinLockOffset(spec.btf, map.valueType);
    const created = backend.createMap({
      name,
      type,
      keySize,
      valueSize,
      maxEntries: perCpu ? backend.possibleCpus : map.maxEntries,
      flags,
      ...(lock === undefined ? {} : { spinLockOffset: lock }),
      ...(inner === undefined ? {} : { innerMapFd: backend.fdOf(inner) }),
    });
    opened.push(created);
    return created;
  }

  function fill(map: ObjectMap): void {
    const created = maps.get(map.name)!;
    for (const { index, kind, target } of map.values) {
      if (kind === 'map') created.update(index, bytesOfU32(backend.fdOf(maps.get(target)!)));
    }
    if (map.data === undefined) return;
    const contents = contentsWithConstants(spec, map, constants, (name) => maps.get(name)?.id);
    if (contents !== undefined) created.update(0, contents);
    if (map.data.frozen) created.freeze();
  }

  function close(): void {
    for (const map of opened.splice(0).reverse()) map.close();
  }

  const inOrder = [...spec.maps.values()].sort((a, b) => Number(a.data !== undefined) - Number(b.data !== undefined));
  try {
    for (const step of [(map: ObjectMap) => void maps.set(map.name, create(map)), fill]) {
      for (const map of inOrder) {
        try {
          step(map);
        } catch (error) {
          throw withPlace(error, placeOf(spec.name, `${mapTypeName(map.type)} map`, map.name, map.section));
        }
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  return { maps, notes, close };
}
