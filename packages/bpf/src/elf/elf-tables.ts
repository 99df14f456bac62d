/**
 * The tables inside an ELF file: symbols and relocations, each entry checked against what it refers to.
 *
 * BPF objects use REL: the addend lies in the instruction or word itself. RELA, with the addend in the table, is read
 * too; `addend` is then set and replaces what the instruction holds.
 */
import { ByteReader, type Place, StringTable } from './byte-reader.ts';
import { type ElfSection, SHN_LORESERVE, SHT } from './elf-format.ts';

const SYM_SIZE = 24;
const REL_SIZE = 16;
const RELA_SIZE = 24;
const SHN_ABS = 0xfff1;
const SHN_COMMON = 0xfff2;

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** STT */
  readonly type: number;
  /** STB */
  readonly binding: number;
  /** Index of its section, SHN_UNDEF for one that the object only refers to. */
  readonly section: number;
  /** Offset in its section. */
  readonly value: number;
  readonly size: number;
}

export interface ElfRelocation {
  /** Offset in the section that it changes. */
  readonly offset: number;
  /** R_BPF_*: 1 a 64-bit immediate, 2 a 64-bit word, 3 and 4 a 32-bit word, 10 a call. */
  readonly type: number;
  /** Index of its symbol. */
  readonly symbol: number;
  readonly addend: number | undefined;
}

export function readSymbols(sections: readonly ElfSection[], table: ElfSection, place: Place): ElfSymbol[] {
  const reader: ByteReader = new ByteReader(table.bytes, { ...place, section: table.name });
  if (table.entrySize !== SYM_SIZE)
    reader.fail('bad-section', 0, `symbols of ${table.entrySize} bytes, not ${SYM_SIZE}`);
  if (reader.length % SYM_SIZE !== 0) reader.fail('truncated', reader.length, 'the table ends inside a symbol');
  const names = sections[table.link];
  if (names === undefined || names.type !== SHT.STRTAB) {
    reader.fail('bad-section', 0, `symbol names are in section ${table.link}, which is no string table`);
  }
  const strings = new StringTable(new ByteReader(names.bytes, { ...place, section: names.name }));
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at < reader.length; at += SYM_SIZE) {
    const info = reader.u8(at + 4);
    const section = reader.u16(at + 6);
    const index = at / SYM_SIZE;
    const home = sections[section];
    if (home === undefined && section < SHN_LORESERVE) {
      reader.fail('bad-symbol', at, `symbol ${index} is in section ${section} of ${sections.length}`);
    }
    if (section >= SHN_LORESERVE && section !== SHN_ABS && section !== SHN_COMMON) {
      reader.fail('unsupported', at, `symbol ${index} has the special section index 0x${section.toString(16)}`);
    }
    const value = reader.u64(at + 8);
    const size = reader.u64(at + 16);
    // the empty section and the special ones have no extent; labels may stand at the very end
    if (home !== undefined && section !== 0 && value + size > home.size) {
      reader.fail(
        'bad-symbol',
        at,
        `symbol ${index} reaches to ${value + size}, past the ${home.size} bytes of ${home.name}`,
      );
    }
    symbols.push({
      index,
      name: strings.at(reader.u32(at)),
      type: info & 0xf,
      binding: info >> 4,
      section,
      value,
      size,
    });
  }
  return symbols;
}

export function readRelocations(section: ElfSection, reader: ByteReader, symbolCount: number): ElfRelocation[] {
  const explicit = section.type === SHT.RELA;
  const entry = explicit ? RELA_SIZE : REL_SIZE;
  if (section.entrySize !== entry) {
    reader.fail('bad-section', 0, `relocations of ${section.entrySize} bytes, not ${entry}`);
  }
  if (reader.length % entry !== 0) reader.fail('truncated', reader.length, 'the table ends inside a relocation');
  const relocations: ElfRelocation[] = [];
  for (let at = 0; at < reader.length; at += entry) {
    const type = reader.u32(at + 8);
    const symbol = reader.u32(at + 12);
    if (symbol >= symbolCount) reader.fail('bad-relocation', at, `symbol ${symbol} of ${symbolCount}`);
    relocations.push({ offset: reader.u64(at), type, symbol, addend: explicit ? reader.i64(at + 16) : undefined });
  }
  return relocations;
}
