/**
 * Maps of the section `.maps`: variables whose BTF type is the definition. Their bytes are all zero; a number is the
 * length of an array that a member points to, a key or value is the type that a member points to.
 *
 *   type, key_size, value_size, max_entries, map_flags, numa_node, pinning, map_extra     numbers
 *   key, value                                                                            pointers to the type
 *   values    an array, last, of pointers to a map definition or to a function; relocations say what stands in it
 *
 * Facts: the member names that libbpf documents, and bpf_helpers.h's macros seen from the side of BTF.
 */
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Btf } from '../btf/btf.ts';
import type { BtfComposite, BtfDatasec, BtfMember } from '../btf/btf-types.ts';
import { btfSizeOf, skipModifiers } from '../btf/btf-walk.ts';
import type { ByteReader } from '../elf/byte-reader.ts';
import { type Elf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, STT } from '../elf/elf-format.ts';
import { MAP_DEFAULTS } from './legacy-maps.ts';
import type { ObjectMap } from './spec.ts';

export const BTF_MAP_SECTION = '.maps';

/** A map, and where the array `values` starts in its variable. */
export interface FoundMap {
  readonly map: ObjectMap;
  readonly size: number;
  readonly valuesAt: number | undefined;
}

/** Struct members that are numbers, by the name in the struct. */
const NUMBERS = {
  type: 'type',
  key_size: 'keySize',
  value_size: 'valueSize',
  max_entries: 'maxEntries',
  map_flags: 'flags',
  numa_node: 'numaNode',
  pinning: 'pinning',
  map_extra: 'mapExtra',
} as const;
/** Twice as many as there are names: keeps the time bounded when many variables have one type. */
const MOST_MEMBERS = 22;
type Draft = { [K in (typeof NUMBERS)[keyof typeof NUMBERS]]?: number | bigint } & {
  keyType?: number;
  valueType?: number;
  values?: BtfMember;
};

/** A number in a member's type: `int (*name)[N]`, or an enum with one value for numbers of 64 bits. */
function numberOf(btf: Btf, member: BtfMember): number | bigint | undefined {
  const type = skipModifiers(btf, member.type)?.type;
  if (type?.kind === 'enum' || type?.kind === 'enum64')
    return type.values.length === 1 ? type.values[0]!.value : undefined;
  if (type?.kind !== 'ptr') return undefined;
  const target = skipModifiers(btf, type.type)?.type;
  return target?.kind === 'array' ? target.length : undefined;
}

export function readBtfMaps(
  elf: Elf,
  section: ElfSection,
  btf: Btf | undefined,
  list: BtfDatasec | undefined,
): FoundMap[] {
  const reader: ByteReader = sectionReader(elf, section);
  if (btf === undefined) {
    reader.fail(
      'bad-map',
      0,
      'maps are defined by BTF, which the object has not',
      'compile with -g, strip with llvm-strip -g',
    );
  }
  if (list === undefined) reader.fail('bad-btf', 0, 'BTF has no DATASEC of that name');

  // only what relocations fill in may be other than zero: no loader reads the bytes
  const filled = new Set((elf.relocations.get(section.index) ?? []).map(({ offset }) => offset & ~7));
  const byte = section.bytes.findIndex((value, at) => value !== 0 && !filled.has(at & ~7));
  if (byte >= 0) reader.fail('bad-map', byte, 'a definition is initialised: its types are what counts');

  const places = new Map<string, number>();
  for (const { name, type, value } of elf.symbolsOf.get(section.index) ?? []) {
    if (type !== STT.SECTION) places.set(name, value);
  }

  function define(name: string, definition: BtfComposite, offset: number, isInner: boolean): FoundMap {
    const bad = (what: string): never => reader.fail('bad-map', offset, `map ${name}: ${what}`);
    const draft: Draft = {};
    if (definition.members.length > MOST_MEMBERS) bad(`a definition with ${definition.members.length} members`);
    for (const [i, member] of definition.members.entries()) {
      if (Object.hasOwn(NUMBERS, member.name)) {
        const value = numberOf(btf!, member);
        if (value === undefined) bad(`${member.name} is no number`);
        if (typeof value === 'bigint' && member.name !== 'map_extra') bad(`${member.name} is a number of 64 bits`);
        draft[NUMBERS[member.name as keyof typeof NUMBERS]] = value!;
      } else if (member.name === 'key' || member.name === 'value') {
        const pointer = skipModifiers(btf!, member.type)?.type;
        const type = pointer?.kind === 'ptr' ? pointer.type : bad(`${member.name} is no pointer to a type`);
        const size = btfSizeOf(btf!, type) ?? bad(`${member.name} has no size`);
        const field = member.name === 'key' ? 'keySize' : 'valueSize';
        if (draft[field] !== undefined && draft[field] !== size)
          bad(`${member.name} has ${size} bytes, not ${draft[field]}`);
        draft[field] = size;
        draft[member.name === 'key' ? 'keyType' : 'valueType'] = type;
      } else if (member.name === 'values') {
        if (i !== definition.members.length - 1) bad('values is not the last member');
        if (isInner) bad('a map in a map in a map');
        draft.values = member;
      } else {
        reader.fail('unsupported', offset, `map ${name}: a member ${member.name}`);
      }
    }
    const pinning = Number(draft.pinning ?? 0);
    if (pinning > 1) bad(`pinning is ${pinning}, not 0 (none) or 1 (by name)`);
    if (draft.type === undefined) bad('no type');
    if (draft.values !== undefined && (draft.valueSize ?? 4) !== 4)
      bad(`values are ids of 4 bytes, not ${draft.valueSize}`);

    const map: ObjectMap = {
      ...MAP_DEFAULTS,
      name,
      section: section.name,
      offset,
      type: Number(draft.type),
      keySize: Number(draft.keySize ?? 0),
      valueSize: Number(draft.valueSize ?? (draft.values === undefined ? 0 : 4)),
      maxEntries: Number(draft.maxEntries ?? 0),
      flags: Number(draft.flags ?? 0),
      numaNode: draft.numaNode === undefined ? undefined : Number(draft.numaNode),
      mapExtra: draft.mapExtra,
      pinning: pinning === 1 ? 'by-name' : 'none',
      keyType: draft.keyType,
      valueType: draft.valueType,
    };
    const valuesAt = draft.values === undefined ? undefined : draft.values.bitOffset >> 3;
    return {
      map: draft.values === undefined ? map : withValues(map, draft.values, offset),
      size: definition.size,
      valuesAt,
    };
  }

  /** What `values` points to: the pattern of a map of maps; a map of programs has none. */
  function withValues(map: ObjectMap, values: BtfMember, offset: number): ObjectMap {
    const bad = (what: string): never => reader.fail('bad-map', offset, `map ${map.name}: ${what}`);
    const array = skipModifiers(btf!, values.type)?.type;
    const pointer = array?.kind === 'array' ? skipModifiers(btf!, array.type)?.type : undefined;
    const target = pointer?.kind === 'ptr' ? skipModifiers(btf!, pointer.type)?.type : undefined;
    if (map.type === BPF_MAP_TYPE.PROG_ARRAY) {
      return target?.kind === 'func_proto' ? map : bad('values are no pointers to functions');
    }
    if (map.type !== BPF_MAP_TYPE.ARRAY_OF_MAPS && map.type !== BPF_MAP_TYPE.HASH_OF_MAPS) {
      bad('values are for maps of maps and of programs');
    }
    if (target?.kind !== 'struct') return bad('values are no pointers to a map definition');
    return { ...map, inner: define(`${map.name}.inner`, target, offset, true).map };
  }

  return list!.vars
    .map(({ type: id, offset: stated }) => {
      const variable = btf!.types[id]!;
      const offset = places.get(variable.name) ?? stated;
      const definition = variable.kind === 'var' ? skipModifiers(btf!, variable.type)?.type : undefined;
      if (definition?.kind !== 'struct') return reader.fail('bad-map', offset, `${variable.name} is no struct`);
      reader.need(offset, definition.size, `map ${variable.name}`);
      return define(variable.name, definition, offset, false);
    })
    .sort((a, b) => a.map.offset - b.map.offset);
}
