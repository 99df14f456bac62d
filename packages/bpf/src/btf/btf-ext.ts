/**
 * .BTF.ext: which instruction belongs to which function and source line, and which ones depend on a struct's layout in
 * the running kernel (CO-RE). Records are grouped by program section; `instruction` is a byte offset in that section.
 *
 * Records may be longer than what is known here (the size of a record is in the section); the rest is skipped.
 * CO-RE records are read, not resolved: that takes the types of the kernel that the program is loaded into.
 *
 * Facts: the kernel's Documentation/bpf/btf.rst (sections 4.2 and on) and llvm_reloc.rst.
 */
import { ByteReader, type Place, type StringTable } from '../elf/byte-reader.ts';
import { readBtfHeader } from './btf.ts';

const HEADER_SIZE = 24;
const HEADER_SIZE_CORE = 32;

interface BtfFuncInfo {
  readonly instruction: number;
  /** Id of a func. */
  readonly type: number;
}

export interface BtfLineInfo {
  readonly instruction: number;
  readonly file: string;
  /** The source line's text; empty where the compiler did not keep it. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** enum bpf_core_relo_kind, by number. */
const CORE_RELOCATION_KINDS = [
  'field_byte_offset',
  'field_byte_size',
  'field_exists',
  'field_signed',
  'field_lshift_u64',
  'field_rshift_u64',
  'type_id_local',
  'type_id_target',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;
export type CoreRelocationKind = (typeof CORE_RELOCATION_KINDS)[number];

export interface CoreRelocation {
  readonly instruction: number;
  /** The type as the object knows it. */
  readonly type: number;
  /** The path to what is accessed, as in `0:1:2`: an index for each step. */
  readonly access: string;
  readonly kind: CoreRelocationKind;
}

/** By name of the program section. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly BtfFuncInfo[]>;
  readonly lines: ReadonlyMap<string, readonly BtfLineInfo[]>;
  readonly core: ReadonlyMap<string, readonly CoreRelocation[]>;
}

export function readBtfExt(
  bytes: Uint8Array,
  strings: StringTable,
  typeCount: number,
  place: Place = { section: '.BTF.ext' },
): BtfExt {
  const reader: ByteReader = new ByteReader(bytes, place);
  const header = readBtfHeader(reader, HEADER_SIZE);

  /** A list of sections, each with its records. */
  function table<T>(field: number, least: number, read: (record: number) => T): Map<string, T[]> {
    const found = new Map<string, T[]>();
    const start = header + reader.u32(field);
    const length = reader.u32(field + 4);
    if (length === 0) return found;
    reader.need(start, length, 'a list of records');
    const size = reader.u32(start);
    if (size < least) reader.fail('bad-btf', start, `records of ${size} bytes, not at least ${least}`);
    const end = start + length;
    for (let at = start + 4; at < end; ) {
      const section = strings.at(reader.u32(at));
      const count = reader.u32(at + 4);
      at += 8;
      if (at + count * size > end) reader.fail('truncated', at, `${count} records for ${section} do not fit`);
      const records = found.get(section) ?? [];
      for (let i = 0; i < count; i++, at += size) records.push(read(at));
      found.set(section, records);
    }
    return found;
  }
  const typeAt = (at: number): number => {
    const id = reader.u32(at);
    return id < typeCount ? id : reader.fail('bad-btf', at, `type ${id} of ${typeCount}`);
  };

  return {
    functions: table(8, 8, (at) => ({ instruction: reader.u32(at), type: typeAt(at + 4) })),
    lines: table(16, 16, (at) => {
      const position = reader.u32(at + 12);
      return {
        instruction: reader.u32(at),
        file: strings.at(reader.u32(at + 4)),
        text: strings.at(reader.u32(at + 8)),
        line: position >>> 10,
        column: position & 0x3ff,
      };
    }),
    core:
      header < HEADER_SIZE_CORE
        ? new Map()
        : table(24, 16, (at) => {
            const number = reader.u32(at + 12);
            const kind = CORE_RELOCATION_KINDS[number];
            if (kind === undefined) reader.fail('unsupported', at + 12, `CO-RE relocation kind ${number}`);
            return {
              instruction: reader.u32(at),
              type: typeAt(at + 4),
              access: strings.at(reader.u32(at + 8)),
              kind: kind!,
            };
          }),
  };
}
