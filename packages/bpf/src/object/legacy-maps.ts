/**
 * Maps of the section `maps`, as they were defined until libbpf 1.0: a struct of 32-bit words for each map, found by its
 * symbol. How long the struct is, nothing says but the distance to the next symbol.
 *
 *   20 bytes   type, key_size, value_size, max_entries, map_flags
 *   28 bytes   the same, then inner_map_idx and numa_node: the kernel's samples
 *
 * Longer structs are read as 20 bytes if the rest is zero, and refused otherwise, for then the rest means something.
 */
import { BPF_F_NUMA_NODE, BPF_MAP_TYPE } from '@cpumap/uapi';
import { type Elf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, STT } from '../elf/elf-format.ts';
import type { ObjectMap } from './spec.ts';

const SHORT = 20;
const SAMPLES = 28;

/** What no definition of either style has, until it says otherwise. */
export const MAP_DEFAULTS = {
  numaNode: undefined,
  mapExtra: undefined,
  pinning: 'none',
  keyType: undefined,
  valueType: undefined,
  inner: undefined,
  values: [],
  data: undefined,
} as const;

export function isLegacyMapSection(name: string): boolean {
  return name === 'maps' || name.startsWith('maps/');
}

export function readLegacyMaps(elf: Elf, section: ElfSection): ObjectMap[] {
  const reader = sectionReader(elf, section);
  const found = new Map<number, string>();
  for (const { name, type, value } of elf.symbolsOf.get(section.index) ?? []) {
    if (type !== STT.SECTION && name !== '' && !found.has(value)) found.set(value, name);
  }
  const starts = [...found].sort(([a], [b]) => a - b);
  if (starts.length === 0 && section.size > 0) reader.fail('bad-map', 0, 'no symbol names a map');

  const maps = starts.map(([offset, name], i): ObjectMap & { innerIndex: number } => {
    const size = (starts[i + 1]?.[0] ?? section.size) - offset;
    if (size < SHORT) reader.fail('bad-map', offset, `map ${name} is defined in ${size} bytes, not at least ${SHORT}`);
    const rest = reader.slice(offset + SHORT, size - SHORT, `map ${name}`);
    if (size !== SAMPLES && rest.some((byte) => byte !== 0)) {
      const hint = 'definitions of 20 and 28 bytes are known; that of iproute2 (struct bpf_elf_map) is not';
      reader.fail(
        'unsupported',
        offset,
        `map ${name} is defined in ${size} bytes, and those after ${SHORT} are not 0`,
        hint,
      );
    }
    const flags = reader.u32(offset + 16);
    const long = size === SAMPLES;
    return {
      ...MAP_DEFAULTS,
      name,
      section: section.name,
      offset,
      type: reader.u32(offset),
      keySize: reader.u32(offset + 4),
      valueSize: reader.u32(offset + 8),
      maxEntries: reader.u32(offset + 12),
      flags,
      innerIndex: long ? reader.u32(offset + 20) : 0,
      numaNode: long && (flags & BPF_F_NUMA_NODE) !== 0 ? reader.u32(offset + 24) : undefined,
    };
  });

  return maps.map(({ innerIndex, ...map }) => {
    if (map.type !== BPF_MAP_TYPE.ARRAY_OF_MAPS && map.type !== BPF_MAP_TYPE.HASH_OF_MAPS) return map;
    const inner = maps[innerIndex];
    if (inner === undefined) {
      reader.fail('bad-map', map.offset, `map ${map.name} holds maps like number ${innerIndex} of ${maps.length}`);
    }
    const { innerIndex: _, ...pattern } = inner!;
    return { ...map, inner: pattern };
  });
}
