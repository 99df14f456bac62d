import { describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/elf.ts';
import { STB, STT } from '../../src/elf/elf-format.ts';
import { OBJECTS, objectBytes, patched, refusalOf } from '../objects/load.ts';

const btfMaps = objectBytes('btf-maps.o');
const view = new DataView(btfMaps.buffer);
const sectionHeaders = Number(view.getBigUint64(40, true));
const header = (section: number) => sectionHeaders + 64 * section;

describe('a well-formed object', () => {
  // llvm-readelf -S, -s and -r of btf-maps.o
  it('has its 25 sections with names, sizes and flags', () => {
    const { sections } = readElf(btfMaps);
    expect(sections).toHaveLength(25);
    expect(sections[10]).toMatchObject({
      name: '?tp_btf/xdp_cpumap_enqueue',
      type: 1,
      flags: 6,
      size: 0x58,
      offset: 0x438,
    });
    expect(sections[12]).toMatchObject({ name: '.maps', size: 0x108, flags: 3 });
    expect(sections[18]).toMatchObject({ name: '.bss', type: 8, size: 0x40 });
    expect(sections[18]!.bytes).toHaveLength(0);
    expect(new TextDecoder().decode(sections[17]!.bytes)).toBe('Dual MIT/GPL\0');
  });

  it('has its 35 symbols', () => {
    const { symbols } = readElf(btfMaps);
    expect(symbols).toHaveLength(35);
    expect(symbols[7]).toMatchObject({
      name: 'count',
      type: STT.FUNC,
      binding: STB.LOCAL,
      section: 2,
      value: 0x98,
      size: 232,
    });
    expect(symbols[5]).toMatchObject({ name: 'LBB0_2', type: STT.NOTYPE, section: 4, value: 0xb8, size: 0 });
    expect(symbols[34]).toMatchObject({ name: 'flows', type: STT.OBJECT, binding: STB.GLOBAL, value: 0xe0, size: 40 });
  });

  it('has its relocations by the section that they change', () => {
    const { relocations } = readElf(btfMaps);
    expect(relocations.get(4)).toHaveLength(8);
    expect(relocations.get(4)![4]).toEqual({ offset: 0xf0, type: 10, symbol: 1, addend: undefined });
    expect(relocations.get(12)!.map(({ offset, type }) => [offset, type])).toEqual([
      [0x58, 2],
      [0x68, 2],
      [0x90, 2],
    ]);
  });

  it.each(OBJECTS)('%s reads twice to the same tables', (name) => {
    expect(readElf(objectBytes(name))).toEqual(readElf(objectBytes(name)));
  });
});

describe('what is refused', () => {
  const cases: [string, Uint8Array, string, RegExp][] = [
    ['no bytes', new Uint8Array(), 'not-elf', /ends inside the ELF magic/],
    ['a text', new TextEncoder().encode('int main'), 'not-elf', /no ELF magic \(not-elf\): give the \.o file/],
    ['a bare magic', btfMaps.slice(0, 4), 'truncated', /x\.o\+0x4: u8 of 1 bytes/],
    ['half a header', btfMaps.slice(0, 40), 'truncated', /the ELF header of 64 bytes/],
    ['32 bits', patched(btfMaps, 4, 1), 'wrong-format', /32-bit/],
    ['big-endian', patched(btfMaps, 5, 2), 'wrong-format', /big-endian.*bpfel/],
    ['x86-64', patched(btfMaps, 18, 62, 0), 'wrong-format', /x\.o\+0x12: machine 62, not EM_BPF \(247\)/],
    ['an executable', patched(btfMaps, 16, 2), 'wrong-format', /ELF type 2/],
    ['no section headers', patched(btfMaps, 40, 0, 0, 0, 0, 0, 0, 0, 0), 'bad-section', /no section headers/],
    ['section headers past the end', patched(btfMaps, 42, 1), 'truncated', /the section header table/],
    ['section headers past 2^53', patched(btfMaps, 46, 0xff, 0xff), 'absurd', /size or offset/],
    ['60,000 sections', patched(btfMaps, 60, 0x60, 0xea), 'truncated', /the section header table of 3840000 bytes/],
    ['section headers of another size', patched(btfMaps, 58, 40), 'bad-section', /section headers of 40 bytes/],
    ['names in no section', patched(btfMaps, 62, 99), 'bad-section', /names are in section 99 of 25/],
    ['a name past its table', patched(btfMaps, header(3), 0xff, 0xff), 'truncated', /\(section names\)/],
    ['a section past the end', patched(btfMaps, header(2) + 34, 1), 'truncated', /section 2 \.text lies at 64/],
    ['a section over another', patched(btfMaps, header(2) + 32, 0, 0x25), 'absurd', /overlaps/],
    ['a symbol in no section', patched(btfMaps, 0x1a48 + 24 + 6, 77), 'bad-symbol', /symbol 1 is in section 77 of 25/],
    ['a symbol past its section', patched(btfMaps, 0x1a48 + 3 * 24 + 17, 9), 'bad-symbol', /symbol 3 reaches to/],
    [
      'symbols without names',
      patched(btfMaps, header(24) + 40, 2),
      'bad-section',
      /section 2, which is no string table/,
    ],
    ['symbols of another size', patched(btfMaps, header(24) + 56, 16), 'bad-section', /symbols of 16 bytes/],
    [
      'a relocation of symbol 99',
      patched(btfMaps, 0x1d90 + 12, 99),
      'bad-relocation',
      /\.rel\.text\+0x0: symbol 99 of 35/,
    ],
    ['relocations of section 0', patched(btfMaps, header(3) + 44, 0), 'bad-relocation', /relocations for section 0/],
    ['relocations without symbols', patched(btfMaps, header(3) + 40, 2), 'bad-relocation', /not the symbol table/],
  ];
  it.each(cases)('%s', (_, bytes, code, message) => {
    const refusal = refusalOf(() => readElf(bytes, 'x.o'));
    expect(refusal).toMatchObject({ code, file: 'x.o' });
    expect(refusal!.message).toMatch(message);
  });
});

it('explicit addends (RELA) are read', () => {
  // .rel.maps as RELA: its 48 bytes are two entries of 24, the second word of each is info, the third the addend
  let bytes = patched(btfMaps, header(13) + 4, 4);
  bytes = patched(bytes, header(13) + 56, 24);
  const [first, second] = readElf(bytes).relocations.get(12)!;
  expect([first!.addend, second!.type, second!.addend]).toEqual([0x68, 0x90, 0x1000000002]);
});
