/**
 * ELF64, little-endian, relocatable, for EM_BPF: sections, symbols and relocations of what a BPF compiler writes.
 *
 * `readElf` looks only at the bytes given, keeps views of them (no copies), and either returns tables whose every
 * offset, index and name is valid, or throws an ObjectError. Time and memory are linear in the size of the file:
 * sections may not overlap, symbols and relocations are counted by the bytes that they take, strings are budgeted.
 *
 * Facts: System V ABI, chapter 4 (object files), and the machine number that the ABI's registry gives BPF.
 */
import { ByteReader, type Place, StringTable } from './byte-reader.ts';
import { type ElfSection, EM_BPF, SHF, SHN_LORESERVE, SHT } from './elf-format.ts';
import { type ElfRelocation, type ElfSymbol, readRelocations, readSymbols } from './elf-tables.ts';

const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const ET_REL = 1;
/** Larger than any object; a file is held in memory as a whole. */
const LARGEST_FILE = 64 * 1024 * 1024;

export interface Elf {
  readonly file: string | undefined;
  /** By index; section 0 is the empty one. */
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** The symbols by the index of their section, in the file's order. */
  readonly symbolsOf: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** Relocations by the index of the section that they change, in the file's order. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/** Checks the file header. @returns where the section headers are, and which of them holds the names */
function readHeader(reader: ByteReader): { at: number; count: number; names: number } {
  if (reader.length > LARGEST_FILE) reader.fail('absurd', 0, `a file of ${reader.length} bytes`);
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  for (const [i, byte] of magic.entries()) {
    if (i >= reader.length) reader.fail(i === 0 ? 'not-elf' : 'truncated', i, 'the file ends inside the ELF magic');
    if (reader.u8(i) !== byte)
      reader.fail('not-elf', i, 'no ELF magic', 'give the .o file that clang -target bpf wrote');
  }
  const classByte = reader.u8(4);
  if (classByte !== 2)
    reader.fail('wrong-format', 4, `ELF class ${classByte}${classByte === 1 ? ' (32-bit)' : ''}, not 64-bit`);
  const data = reader.u8(5);
  if (data !== 1) {
    const what = data === 2 ? 'big-endian' : `data encoding ${data}`;
    reader.fail('wrong-format', 5, `${what}, not little-endian`, 'compile with -target bpfel');
  }
  if (reader.u8(6) !== 1) reader.fail('wrong-format', 6, `ELF version ${reader.u8(6)}, not 1`);
  reader.need(0, EHDR_SIZE, 'the ELF header');
  const machine = reader.u16(18);
  if (machine !== EM_BPF) {
    reader.fail('wrong-format', 18, `machine ${machine}, not EM_BPF (${EM_BPF})`, 'compile with -target bpf');
  }
  const type = reader.u16(16);
  if (type !== ET_REL) reader.fail('wrong-format', 16, `ELF type ${type}, not a relocatable object (${ET_REL})`);

  const at = reader.u64(40);
  const entrySize = reader.u16(58);
  const count = reader.u16(60);
  const names = reader.u16(62);
  if (at === 0)
    reader.fail('bad-section', 40, 'no section headers', 'the file was stripped of them: give the original');
  if (count === 0 || count >= SHN_LORESERVE) reader.fail('unsupported', 60, `extended section numbering (${count})`);
  if (entrySize !== SHDR_SIZE)
    reader.fail('bad-section', 58, `section headers of ${entrySize} bytes, not ${SHDR_SIZE}`);
  reader.need(at, count * SHDR_SIZE, 'the section header table');
  if (names >= count) reader.fail('bad-section', 62, `section names are in section ${names} of ${count}`);
  return { at, count, names };
}

function readSections(reader: ByteReader): ElfSection[] {
  const { at, count, names } = readHeader(reader);
  const contents = (header: number, what: string): Uint8Array => {
    const type = reader.u32(header + 4);
    const offset = reader.u64(header + 24);
    const size = reader.u64(header + 32);
    if (type === SHT.NOBITS || type === SHT.NULL) return reader.bytes.subarray(0, 0);
    if (offset + size > reader.length) {
      reader.fail(
        'truncated',
        header,
        `${what} lies at ${offset}..${offset + size} of a file of ${reader.length} bytes`,
      );
    }
    return reader.bytes.subarray(offset, offset + size);
  };
  const strings = new StringTable(
    new ByteReader(contents(at + names * SHDR_SIZE, 'the table of section names'), {
      ...reader.place,
      section: '(section names)',
    }),
  );
  const sections: ElfSection[] = [];
  let held = 0;
  for (let index = 0; index < count; index++) {
    const header = at + index * SHDR_SIZE;
    const name = strings.at(reader.u32(header));
    const bytes = contents(header, `section ${index} ${name}`);
    held += bytes.length;
    if (held > reader.length) reader.fail('absurd', header, `section ${index} ${name} overlaps others`);
    sections.push({
      index,
      name,
      type: reader.u32(header + 4),
      flags: reader.u64(header + 8),
      size: reader.u64(header + 32),
      offset: reader.u64(header + 24),
      link: reader.u32(header + 40),
      info: reader.u32(header + 44),
      entrySize: reader.u64(header + 56),
      bytes,
    });
  }
  return sections;
}

/** The bytes of a section, with its name for errors. @throws ObjectError unsupported for compressed ones */
export function sectionReader(elf: Pick<Elf, 'file'>, section: ElfSection): ByteReader {
  const reader: ByteReader = new ByteReader(section.bytes, { file: elf.file, section: section.name });
  if ((section.flags & SHF.COMPRESSED) !== 0) reader.fail('unsupported', 0, 'the section is compressed');
  return reader;
}

/** @throws ObjectError for anything that is not a well-formed BPF object */
export function readElf(bytes: Uint8Array, file?: string): Elf {
  const place: Place = { file };
  const reader: ByteReader = new ByteReader(bytes, place);
  const sections = readSections(reader);

  const tables = sections.filter(({ type }) => type === SHT.SYMTAB);
  const [table, second] = tables;
  if (second !== undefined) reader.fail('bad-section', second.offset, `a second symbol table, section ${second.index}`);
  const symbols = table === undefined ? [] : readSymbols(sections, table, place);

  const symbolsOf = new Map<number, ElfSymbol[]>();
  for (const symbol of symbols) {
    const known = symbolsOf.get(symbol.section);
    if (known === undefined) symbolsOf.set(symbol.section, [symbol]);
    else known.push(symbol);
  }

  const relocations = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== SHT.REL && section.type !== SHT.RELA) continue;
    const from: ByteReader = sectionReader({ file }, section);
    if (section.info === 0 || section.info >= sections.length) {
      from.fail('bad-relocation', 0, `relocations for section ${section.info} of ${sections.length}`);
    }
    if (table === undefined || section.link !== table.index) {
      from.fail('bad-relocation', 0, `their symbols are in section ${section.link}, which is not the symbol table`);
    }
    const known = relocations.get(section.info) ?? [];
    if (known.length > 0) from.fail('bad-relocation', 0, `a second list of relocations for section ${section.info}`);
    relocations.set(section.info, readRelocations(section, from, symbols.length));
  }
  return { file, sections, symbols, symbolsOf, relocations };
}
