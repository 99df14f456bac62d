import { describe, expect, it } from 'vitest';
import { readBtf } from '../../src/btf/btf.ts';
import { readBtfExt } from '../../src/btf/btf-ext.ts';
import { readElf } from '../../src/elf/elf.ts';
import { objectBytes, refusalOf } from '../objects/load.ts';
import { concat, handBtf, words } from './build-btf.ts';

const { strings } = readBtf(handBtf([{ name: 'xdp', kind: 13 }])); // the name at offset 1
const read = (bytes: Uint8Array) => readBtfExt(bytes, strings, 9);
const functionInfo = (...list: number[]) => concat(words(0x0001eb9f, 24, 0, list.length * 4, 0, 0), words(...list));

describe('btf-maps.o', () => {
  const { sections } = readElf(objectBytes('btf-maps.o'));
  const named = (name: string) => sections.find((section) => section.name === name)!.bytes;
  const { btf, strings } = readBtf(named('.BTF'));
  const ext = readBtfExt(named('.BTF.ext'), strings, btf.types.length);

  it('tells which function starts where', () => {
    const starts = (section: string) =>
      ext.functions.get(section)!.map(({ instruction, type }) => [instruction, btf.types[type]!.name]);
    expect(starts('xdp')).toEqual([
      [0, 'xdp_tail'],
      [0xf0, 'own_section_helper'],
      [0x140, 'xdp_main'],
    ]);
    expect(starts('.text')).toEqual([
      [0, 'pick'],
      [0x98, 'count'],
      [0x180, 'each'],
    ]);
  });

  it('tells source lines', () => {
    const lines = ext.lines.get('xdp.frags/cpumap')!;
    expect(lines.map(({ instruction, text }) => [instruction, text.trim()])).toEqual([
      [0, 'count(1);'],
      [16, 'return XDP_DROP;'],
    ]);
    expect(lines[0]!.file).toMatch(/btf-maps\.bpf\.c$/);
  });

  it('tells the access to a field of a struct of the kernel', () => {
    const [access, ...rest] = ext.core.get('?tp_btf/xdp_cpumap_enqueue')!;
    expect(rest).toEqual([]);
    expect(access).toMatchObject({ access: '0:1', kind: 'field_byte_offset' });
    expect(btf.types[access!.type]).toMatchObject({ kind: 'struct', name: 'sk_like' });
  });
});

it('longer records are read as far as they are known', () => {
  const ext = read(functionInfo(16, 1, 2, 8, 3, 99, 99, 24, 4, 99, 99));
  expect(ext.functions.get('xdp')).toEqual([
    { instruction: 8, type: 3 },
    { instruction: 24, type: 4 },
  ]);
});

it.each<[string, Uint8Array, string, RegExp]>([
  ['nothing', new Uint8Array(), 'truncated', /\.BTF\.ext\+0x0/],
  ['records of 4 bytes', functionInfo(4, 1, 1, 0), 'bad-btf', /records of 4 bytes, not at least 8/],
  ['a billion records', functionInfo(8, 1, 1e9, 0, 0), 'truncated', /1000000000 records for xdp/],
  ['a type that is not there', functionInfo(8, 1, 1, 0, 9), 'bad-btf', /type 9 of 9/],
  ['a section without name', functionInfo(8, 99, 1, 0, 1), 'truncated', /strings/],
  ['a list past the end', functionInfo(8, 1, 1, 0, 1).slice(0, -4), 'truncated', /a list of records/],
  [
    'CO-RE kind 77',
    concat(words(0x0001eb9f, 32, 0, 0, 0, 0, 0, 28), words(16, 1, 1, 0, 1, 0, 77)),
    'unsupported',
    /CO-RE relocation kind 77/,
  ],
])('%s is refused', (_, bytes, code, message) => {
  const refusal = refusalOf(() => read(bytes));
  expect(refusal).toMatchObject({ code });
  expect(refusal!.message).toMatch(message);
});
