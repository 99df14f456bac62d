import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/elf.ts';
import { STT } from '../../src/elf/elf-format.ts';
import { readObject } from '../../src/object/read-object.ts';
import type { CollectionSpec, ObjectFunction, ObjectMap } from '../../src/object/spec.ts';
import { OBJECTS, objectBytes, patched, refusalOf } from '../objects/load.ts';

const shape = ({ type, keySize, valueSize, maxEntries, flags }: ObjectMap) => [
  type,
  keySize,
  valueSize,
  maxEntries,
  flags,
];
const references = (spec: CollectionSpec, name: string) =>
  spec.functions.get(name)!.references.map(({ slot, kind, target, offset }) => `${slot} ${kind} ${target}+${offset}`);

describe.each(['legacy-maps.o', 'legacy-maps-28.o'] as const)('%s, in the style of 2017', (name) => {
  const spec = readObject(objectBytes(name));

  it('has its maps in the order of their definitions', () => {
    expect([...spec.maps].map(([map, found]) => [map, ...shape(found)])).toEqual([
      ['cpu_map', BPF_MAP_TYPE.CPUMAP, 4, 4, 12, 0],
      ['rx_cnt', BPF_MAP_TYPE.PERCPU_ARRAY, 4, 24, 1, 0],
      ['cpus_available', BPF_MAP_TYPE.ARRAY, 4, 4, 12, 0],
      ['kthread_cnt', BPF_MAP_TYPE.PERCPU_ARRAY, 4, 24, 1, 0],
      ['flows', BPF_MAP_TYPE.HASH, 8, 16, 4096, 1],
    ]);
    expect(spec.maps.get('rx_cnt')!.offset).toBe(name === 'legacy-maps.o' ? 20 : 28);
  });

  it('has programs of names of their own, whose type it does not say', () => {
    const said = [...spec.programs.values()].map((p) => [p.name, p.section, p.programType, p.attachType, p.attachTo]);
    expect(said).toEqual([
      ['xdp_first', 'xdp_first_cpu', undefined, undefined, ''],
      ['xdp_touch', 'xdp_touch_data', undefined, undefined, ''],
      ['trace_kthread', 'tracepoint/xdp/xdp_cpumap_kthread', 5, undefined, 'xdp/xdp_cpumap_kthread'],
      ['trace_exception', 'tp/xdp/xdp_exception', 5, undefined, 'xdp/xdp_exception'],
    ]);
  });

  it('says which instruction loads which map', () => {
    // llvm-objdump -dr legacy-maps.o
    expect(references(spec, 'xdp_first').map((text) => text.replace(/^\d+ /, ''))).toEqual([
      'map rx_cnt+0',
      'map cpus_available+0',
      'map cpu_map+0',
    ]);
    expect(references(spec, 'trace_kthread')).toHaveLength(1);
  });

  it('has license and version, and no types', () => {
    expect(spec).toMatchObject({ license: 'GPL', version: 0x040f00, btf: undefined, notes: [] });
    expect(spec.externs.size).toBe(0);
  });
});

describe.each(['btf-maps.o', 'btf-maps-19.o'] as const)('%s, in the style of today', (name) => {
  const spec = readObject(objectBytes(name), { name });

  it('has maps defined by types, with sizes of the types', () => {
    const defined = [...spec.maps.values()].filter(({ section }) => section === '.maps');
    expect(Object.fromEntries(defined.map((map) => [map.name, shape(map)]))).toEqual({
      inner_a: [BPF_MAP_TYPE.ARRAY, 4, 16, 8, 0],
      inner_b: [BPF_MAP_TYPE.ARRAY, 4, 16, 8, 0],
      outer: [BPF_MAP_TYPE.ARRAY_OF_MAPS, 4, 4, 4, 0],
      jumps: [BPF_MAP_TYPE.PROG_ARRAY, 4, 4, 2, 0],
      cpu_map: [BPF_MAP_TYPE.CPUMAP, 4, 8, 64, 0],
      rx_cnt: [BPF_MAP_TYPE.PERCPU_ARRAY, 4, 24, 1, 0],
      flows: [BPF_MAP_TYPE.HASH, 16, 24, 1000000, 1],
    });
    expect(spec.maps.get('rx_cnt')!.pinning).toBe('by-name');
    expect(spec.btf!.types[spec.maps.get('flows')!.keyType!]).toMatchObject({ kind: 'struct', name: 'flow_key' });
  });

  it('has what stands in maps of maps and of programs from the start', () => {
    const { inner, values } = spec.maps.get('outer')!;
    expect(shape(inner!)).toEqual([BPF_MAP_TYPE.ARRAY, 4, 16, 8, 0]);
    expect(values).toEqual([
      { index: 0, kind: 'map', target: 'inner_a' },
      { index: 2, kind: 'map', target: 'inner_b' },
    ]);
    expect(spec.maps.get('jumps')!.values).toEqual([{ index: 1, kind: 'program', target: 'xdp_tail' }]);
  });

  it('has global variables as maps with contents', () => {
    expect(spec.maps.get('.rodata')).toMatchObject({ type: BPF_MAP_TYPE.ARRAY, keySize: 4, maxEntries: 1, flags: 128 });
    const { contents, frozen, variables } = spec.maps.get('.rodata')!.data!;
    expect(frozen).toBe(true);
    const port = variables.find((variable) => variable.name === 'config')!.offset;
    expect([...contents!.subarray(port, port + 3)]).toEqual([9, 0, 1]);
    expect(spec.maps.get('.data.own')!.data!.contents).toEqual(Uint8Array.of(0x34, 0x12, 0, 0));
    const seen = spec.maps.get('.data')!.data!.variables.find((variable) => variable.name === 'seen')!;
    expect(spec.btf!.types[seen.type!]).toMatchObject({ kind: 'typedef', name: '__u64' });
    expect(spec.maps.get('.bss')).toMatchObject({
      valueSize: 64,
      flags: 0,
      data: { contents: undefined, frozen: false },
    });
  });

  it('knows programs by the names of their sections', () => {
    const said = [...spec.programs.values()].map((p) => [p.name, p.programType, p.attachType, p.frags, p.autoload]);
    expect(said).toHaveLength(5);
    expect(said).toEqual(
      expect.arrayContaining([
        ['xdp_main', 6, 37, false, true],
        ['xdp_tail', 6, 37, false, true],
        ['remote_drop', 6, 35, true, true],
        ['remote_pass', 6, 35, false, true],
        ['on_enqueue', 26, 23, false, false],
      ]),
    );
  });

  it('knows what each program needs, and that a static function is no program', () => {
    expect(spec.programs.get('xdp_main')!.subprograms).toEqual(['pick', 'count']);
    expect(spec.programs.get('xdp_tail')!.subprograms).toEqual(['own_section_helper', 'each', 'count']);
    expect(spec.programs.get('remote_pass')!.subprograms).toEqual([]);
    expect(spec.functions.get('own_section_helper')!.linkage).toBe('static');
  });

  it('keeps source lines and CO-RE records by slot', () => {
    const program = spec.programs.get('on_enqueue')!;
    expect(program.core).toMatchObject([{ access: '0:1', kind: 'field_byte_offset' }]);
    expect(program.lines.map(({ text }) => text.trim())).toContain('seen += sk->mark;');
  });
});

it('btf-maps.o refers to maps, variables and functions in each of the ways that compilers use', () => {
  const spec = readObject(objectBytes('btf-maps.o'));
  // llvm-objdump -dr btf-maps.o
  expect(references(spec, 'pick')).toEqual(['0 map-value .data+0', '5 call count+0', '6 map-value .rodata+0']);
  expect(references(spec, 'each')).toEqual(['1 call count+0']);
  expect(references(spec, 'own_section_helper')).toEqual(['0 call count+0', '1 map-value .data+8']);
  expect(references(spec, 'xdp_tail')).toEqual([
    '2 call own_section_helper+0',
    '3 map-value .data.own+0',
    '11 func each+0',
    '15 map-value .rodata+4',
    '24 map jumps+0',
  ]);
  expect(references(spec, 'xdp_main')).toEqual(['1 call pick+0', '4 map cpu_map+0']);
});

it.each(['legacy-maps.o', 'btf-maps.o'] as const)('%s reads the same when functions are untyped symbols', (name) => {
  const bytes = objectBytes(name);
  const { symbols, sections } = readElf(bytes);
  const table = sections.find(({ name }) => name === '.symtab')!.offset;
  const old = symbols
    .filter(({ type }) => type === STT.FUNC)
    .reduce((copy, { index, binding }) => {
      const at = table + index * 24;
      return patched(patched(copy, at + 4, binding << 4), at + 16, 0, 0, 0, 0, 0, 0, 0, 0);
    }, bytes);
  const names = (functions: ReadonlyMap<string, ObjectFunction>) => [...functions.keys()].sort();
  const [was, is] = [readObject(bytes), readObject(old)];
  expect(names(is.functions)).toEqual(names(was.functions));
  expect([...is.programs.values()]).toEqual([...was.programs.values()]);
});

it.each(OBJECTS)('%s reads twice to the same spec, whose bytes are its own', (name) => {
  const bytes = objectBytes(name);
  const spec = readObject(bytes);
  const copy = structuredClone(spec);
  bytes.fill(0xff);
  expect(spec).toEqual(copy);
  expect(readObject(objectBytes(name))).toEqual(spec);
});

describe('what is refused', () => {
  const legacy = objectBytes('legacy-maps.o');
  const today = objectBytes('btf-maps.o');
  const at = (bytes: Uint8Array, name: string) =>
    readElf(bytes).sections.find((section) => section.name === name)!.offset;
  const header = (bytes: Uint8Array, name: string) =>
    Number(new DataView(bytes.buffer).getBigUint64(40, true)) +
    64 * readElf(bytes).sections.find((section) => section.name === name)!.index;

  it.each<[string, Uint8Array, string, RegExp]>([
    [
      'maps of other definitions',
      patched(objectBytes('legacy-maps-28.o'), header(objectBytes('legacy-maps-28.o'), 'maps') + 32, 27 + 28 * 4),
      'bad-symbol',
      /past the 139 bytes of maps/,
    ],
    ['.maps without types', patched(today, header(today, '.BTF') + 4, 7), 'bad-map', /compile with -g/],
    ['an initialised definition', patched(today, at(today, '.maps') + 3, 1), 'bad-map', /\.maps\+0x3: a definition is/],
    ['a license without end', patched(legacy, at(legacy, 'license') + 3, 65), 'truncated', /the license does not end/],
    ['code of 5 bytes', patched(today, header(today, 'xdp/cpumap') + 32, 141), 'bad-symbol', /symbol 28 reaches/],
    [
      'a call into a function',
      patched(today, at(today, 'xdp') + 30 * 8 + 4, 17),
      'bad-relocation',
      /\.text\+0x90, where no f/,
    ],
    [
      'a call past the code',
      patched(today, at(today, '.text') + 5 * 8 + 5, 9),
      'bad-relocation',
      /where no function starts/,
    ],
    [
      'a variable past its map',
      patched(today, at(today, 'xdp') + 31 * 8 + 4, 12),
      'bad-relocation',
      /\.data\+0xc, outside/,
    ],
    [
      'a relocation of an exit',
      patched(today, at(today, '.relxdp'), 0, 3),
      'bad-relocation',
      /relocation of no instruct|neither/,
    ],
  ])('%s', (_, bytes, code, message) => {
    const refusal = refusalOf(() => readObject(bytes, { name: 'x.o' }));
    expect(refusal).toMatchObject({ code, file: 'x.o' });
    expect(refusal!.message).toMatch(message);
  });
});
