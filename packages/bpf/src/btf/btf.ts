/**
 * BTF: the type section and its strings, read into plain data.
 *
 * `readBtf` checks every offset, length and type id, so that whoever walks the result meets no id without a type. It
 * does not check that the types make sense together (a struct that contains itself); what walks them guards against
 * that, see `btf-walk.ts`. Time and memory are linear in the section.
 *
 * Facts: the kernel's Documentation/bpf/btf.rst.
 */
import { ByteReader, type Place, StringTable } from '../elf/byte-reader.ts';
import { BTF_KIND, type BtfLinkage, type BtfReference, type BtfType } from './btf-types.ts';

const BTF_MAGIC = 0xeb9f;
const HEADER_SIZE = 24;

export interface Btf {
  /** By id; id 0 is void. */
  readonly types: readonly BtfType[];
}

/** BTF with its string table, which .BTF.ext refers to. */
export interface BtfSection {
  readonly btf: Btf;
  readonly strings: StringTable;
}

const REFERENCES: Readonly<Record<number, BtfReference['kind']>> = {
  [BTF_KIND.PTR]: 'ptr',
  [BTF_KIND.TYPEDEF]: 'typedef',
  [BTF_KIND.VOLATILE]: 'volatile',
  [BTF_KIND.CONST]: 'const',
  [BTF_KIND.RESTRICT]: 'restrict',
  [BTF_KIND.TYPE_TAG]: 'type_tag',
};
const LINKAGES: readonly BtfLinkage[] = ['static', 'global', 'extern'];

/** Checks magic, version and header length of .BTF or .BTF.ext. @returns the length of the header */
export function readBtfHeader(reader: ByteReader, least: number): number {
  const magic = reader.u16(0);
  if (magic === 0x9feb) reader.fail('wrong-format', 0, 'BTF is big-endian, the ELF header is not');
  if (magic !== BTF_MAGIC) reader.fail('bad-btf', 0, `magic 0x${magic.toString(16)}, not 0x${BTF_MAGIC.toString(16)}`);
  const version = reader.u8(2);
  if (version !== 1) reader.fail('unsupported', 2, `BTF version ${version}`);
  const length = reader.u32(4);
  if (length < least) reader.fail('bad-btf', 4, `a header of ${length} bytes, not at least ${least}`);
  reader.need(0, length, 'the BTF header');
  return length;
}

/** One type at `at`. @returns it and where the next one starts */
function readType(reader: ByteReader, strings: StringTable, at: number): { type: BtfType; next: number } {
  const name = strings.at(reader.u32(at));
  const info = reader.u32(at + 4);
  const word = reader.u32(at + 8); // a size, or the id of a type
  const vlen = info & 0xffff;
  const kind = (info >>> 24) & 0x1f;
  const flag = info >>> 31 === 1;
  const body = at + 12;
  const linkage = (value: number): BtfLinkage =>
    LINKAGES[value] ?? reader.fail('bad-btf', at, `${name} has linkage ${value}`);
  const list = <T>(size: number, read: (entry: number) => T): T[] => {
    reader.need(body, vlen * size, `a list of ${vlen}`);
    return Array.from({ length: vlen }, (_, i) => read(body + i * size));
  };

  switch (kind) {
    case BTF_KIND.INT: {
      const bits = reader.u32(body);
      const type = { size: word, encoding: (bits >>> 24) & 0xf, bitOffset: (bits >>> 16) & 0xff, bits: bits & 0xff };
      return { type: { kind: 'int', name, ...type }, next: body + 4 };
    }
    case BTF_KIND.PTR:
    case BTF_KIND.TYPEDEF:
    case BTF_KIND.VOLATILE:
    case BTF_KIND.CONST:
    case BTF_KIND.RESTRICT:
    case BTF_KIND.TYPE_TAG:
      return { type: { kind: REFERENCES[kind]!, name, type: word }, next: body };
    case BTF_KIND.ARRAY: {
      const array = { type: reader.u32(body), indexType: reader.u32(body + 4), length: reader.u32(body + 8) };
      return { type: { kind: 'array', name, ...array }, next: body + 12 };
    }
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION: {
      const members = list(12, (entry) => {
        const offset = reader.u32(entry + 8);
        return {
          name: strings.at(reader.u32(entry)),
          type: reader.u32(entry + 4),
          bitOffset: flag ? offset & 0xffffff : offset,
          bits: flag ? offset >>> 24 : 0,
        };
      });
      const of = kind === BTF_KIND.STRUCT ? 'struct' : 'union';
      return { type: { kind: of, name, size: word, members }, next: body + vlen * 12 };
    }
    case BTF_KIND.ENUM: {
      const values = list(8, (entry) => ({
        name: strings.at(reader.u32(entry)),
        value: flag ? reader.i32(entry + 4) : reader.u32(entry + 4),
      }));
      return { type: { kind: 'enum', name, size: word, signed: flag, values }, next: body + vlen * 8 };
    }
    case BTF_KIND.ENUM64: {
      const values = list(12, (entry) => {
        const value = (BigInt(reader.u32(entry + 8)) << 32n) | BigInt(reader.u32(entry + 4));
        return { name: strings.at(reader.u32(entry)), value: flag ? BigInt.asIntN(64, value) : value };
      });
      return { type: { kind: 'enum64', name, size: word, signed: flag, values }, next: body + vlen * 12 };
    }
    case BTF_KIND.FWD:
      return { type: { kind: 'fwd', name, of: flag ? 'union' : 'struct' }, next: body };
    case BTF_KIND.FUNC:
      return { type: { kind: 'func', name, type: word, linkage: linkage(vlen) }, next: body };
    case BTF_KIND.FUNC_PROTO: {
      const params = list(8, (entry) => ({ name: strings.at(reader.u32(entry)), type: reader.u32(entry + 4) }));
      return { type: { kind: 'func_proto', name, type: word, params }, next: body + vlen * 8 };
    }
    case BTF_KIND.VAR:
      return { type: { kind: 'var', name, type: word, linkage: linkage(reader.u32(body)) }, next: body + 4 };
    case BTF_KIND.DATASEC: {
      const vars = list(12, (entry) => ({
        type: reader.u32(entry),
        offset: reader.u32(entry + 4),
        size: reader.u32(entry + 8),
      }));
      return { type: { kind: 'datasec', name, size: word, vars }, next: body + vlen * 12 };
    }
    case BTF_KIND.FLOAT:
      return { type: { kind: 'float', name, size: word }, next: body };
    case BTF_KIND.DECL_TAG:
      return { type: { kind: 'decl_tag', name, type: word, component: reader.i32(body) }, next: body + 4 };
    default:
      return reader.fail('unsupported', at, `BTF kind ${kind}`, 'written by a compiler newer than this reader');
  }
}

/** The ids that a type refers to. */
function btfReferences(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type);
    case 'func_proto':
      return [type.type, ...type.params.map((param) => param.type)];
    case 'datasec':
      return type.vars.map((variable) => variable.type);
    case 'array':
      return [type.type, type.indexType];
    default:
      return 'type' in type ? [type.type] : [];
  }
}

/** The .BTF section of an object. @throws ObjectError */
export function readBtf(bytes: Uint8Array, place: Place = { section: '.BTF' }): BtfSection {
  const reader: ByteReader = new ByteReader(bytes, place);
  const header = readBtfHeader(reader, HEADER_SIZE);
  const typesAt = header + reader.u32(8);
  const typesEnd = typesAt + reader.u32(12);
  reader.need(typesAt, typesEnd - typesAt, 'the list of types');
  const strings = new StringTable(
    new ByteReader(reader.slice(header + reader.u32(16), reader.u32(20), 'the BTF strings'), {
      ...place,
      section: `${place.section} (strings)`,
    }),
  );

  const types: BtfType[] = [{ kind: 'void', name: '' }];
  const places = [0];
  for (let at = typesAt; at < typesEnd; ) {
    const { type, next } = readType(reader, strings, at);
    if (next > typesEnd) reader.fail('truncated', at, `type ${types.length} reaches past the list of types`);
    types.push(type);
    places.push(at);
    at = next;
  }
  for (const [id, type] of types.entries()) {
    const missing = btfReferences(type).find((reference) => reference >= types.length);
    if (missing !== undefined) {
      reader.fail(
        'bad-btf',
        places[id]!,
        `type ${id} (${type.kind} ${type.name}) refers to type ${missing} of ${types.length}`,
      );
    }
  }
  return { btf: { types }, strings };
}
