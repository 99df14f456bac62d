/**
 * Objects ask for maps of a million entries, for machines that have the memory. `clampMaps` answers with a spec that asks
 * for less, and says what it changed, so that nobody wonders later why a map is full.
 */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { CollectionSpec, ObjectMap } from './spec.ts';

export interface ClampedMap {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** A spec whose maps, and the patterns of maps in maps, have at most `limit` entries; the given one is not changed. */
export function clampMaps(
  spec: CollectionSpec,
  limit: number,
): { readonly spec: CollectionSpec; readonly clamped: readonly ClampedMap[] } {
  if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`a map has at least 1 entry, not at most ${limit}`);
  const clamped: ClampedMap[] = [];
  const clamp = (map: ObjectMap): ObjectMap => {
    const inner = map.inner === undefined ? undefined : clamp(map.inner);
    // of a ring buffer it is bytes, and a power of two
    if (map.maxEntries <= limit || map.type === BPF_MAP_TYPE.RINGBUF) return { ...map, inner };
    clamped.push({ name: map.name, from: map.maxEntries, to: limit });
    return { ...map, inner, maxEntries: limit };
  };
  const maps = new Map([...spec.maps].map(([name, map]) => [name, clamp(map)]));
  return { spec: { ...spec, maps }, clamped };
}
