/** `inspect FILE`: what is in an object, without loading it. */
import { basename } from 'node:path';
import { type CollectionSpec, type Elf, type ObjectMap, readElf, readObject, SHF, SHT } from '@cpumap/bpf';
import { mapTypeName, progTypeName } from '@cpumap/uapi';
import { alignColumns } from './columns.ts';
import { readBytes } from './object-file.ts';
import type { TextOutput } from './screen.ts';

export interface InspectOptions {
  readonly file: string;
  readonly json: boolean;
}

const SLOT = 8;
const instructions = (bytes: number): number => bytes / SLOT;

function mapFacts({
  name,
  type,
  keySize,
  valueSize,
  maxEntries,
  flags,
  section,
  pinning,
  inner,
  values,
  data,
}: ObjectMap) {
  return {
    name,
    type: mapTypeName(type),
    key_size: keySize,
    value_size: valueSize,
    max_entries: maxEntries,
    map_flags: flags,
    section,
    ...(pinning === 'none' ? {} : { pinning }),
    ...(inner === undefined ? {} : { inner: mapTypeName(inner.type) }),
    ...(values.length === 0 ? {} : { values: values.map(({ index, target }) => ({ index, target })) }),
    ...(data === undefined
      ? {}
      : { variables: data.variables.map(({ name: of, offset, size }) => ({ name: of, offset, size })) }),
  };
}

function facts(spec: CollectionSpec, elf: Elf, bytes: number) {
  const programs = [...spec.programs.values()].map((program) => {
    const parts = [program, ...program.subprograms.map((name) => spec.functions.get(name)!)];
    const maps = parts.flatMap(({ references }) => references).filter(({ kind }) => kind.startsWith('map'));
    return {
      name: program.name,
      section: program.section,
      type: program.programType === undefined ? undefined : progTypeName(program.programType),
      attach_to: program.attachTo,
      frags: program.frags,
      autoload: program.autoload,
      instructions: instructions(program.code.length),
      with_functions: parts.reduce((sum, { code }) => sum + instructions(code.length), 0),
      functions: program.subprograms,
      maps: [...new Set(maps.map(({ target }) => target))],
    };
  });
  return {
    file: spec.name,
    bytes,
    license: spec.license,
    btf_types: spec.btf === undefined ? 0 : spec.btf.types.length - 1,
    maps: [...spec.maps.values()].map(mapFacts),
    programs,
    functions: [...spec.functions.values()]
      .filter(({ name }) => !spec.programs.has(name))
      .map(({ name, section, code }) => ({ name, section, instructions: instructions(code.length) })),
    externs: [...spec.externs.values()].map(({ name, weak }) => ({ name, weak })),
    sections: elf.sections
      .filter(({ type, size }) => (type === SHT.PROGBITS || type === SHT.NOBITS) && size > 0)
      .map(({ name, size, flags }) => ({ name, size, code: (flags & SHF.EXECINSTR) !== 0 })),
    notes: spec.notes,
  };
}
type Facts = ReturnType<typeof facts>;

/** A title and a table under it; nothing at all without rows. */
function table(title: string, head: readonly string[], left: number, rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return ['', title, ...alignColumns([head, ...rows], left).map((line) => `  ${line}`)];
}

function programRow(program: Facts['programs'][number]): string[] {
  const { name, section, type, instructions: own, with_functions: all, functions, maps } = program;
  const uses = maps.length === 0 ? '-' : maps.join(' ');
  const inside = functions.length === 0 ? '-' : functions.join(' ');
  return [name, type ?? '?', section, `${own}${all === own ? '' : ` (${all})`}`, uses, inside];
}

function lines(found: Facts): string[] {
  const { file, bytes, license, btf_types: types, maps, programs, functions, externs, sections, notes } = found;
  const btf = types === 0 ? 'no BTF' : `${types} BTF types`;
  const mapRows = maps.map(({ name, type, section, key_size, value_size, max_entries, map_flags }) =>
    [
      name,
      type,
      section,
      key_size,
      value_size,
      max_entries === 0 ? 'open' : max_entries,
      `0x${map_flags.toString(16)}`,
    ].map(String),
  );
  const variables = maps.flatMap(({ name, variables: list = [] }) =>
    list.map((variable) => [variable.name, name, String(variable.offset), String(variable.size)]),
  );
  return [
    `${file}: ${bytes} bytes, license ${license === '' ? 'none' : `"${license}"`}, ${btf}`,
    ...table('Maps', ['name', 'type', 'section', 'key', 'value', 'entries', 'flags'], 3, mapRows),
    ...table('Variables', ['name', 'section', 'offset', 'size'], 2, variables),
    ...table('Programs', ['name', 'type', 'section', 'insns (all)', 'maps', 'functions'], 6, programs.map(programRow)),
    ...table(
      'Functions',
      ['name', 'section', 'insns'],
      2,
      functions.map(({ name, section, instructions: own }) => [name, section, String(own)]),
    ),
    ...table(
      'Not defined here',
      ['name', ''],
      2,
      externs.map(({ name, weak }) => [name, weak ? 'weak' : '']),
    ),
    ...table(
      'Sections',
      ['name', '', 'bytes'],
      2,
      sections.map(({ name, code, size }) => [name, code ? 'code' : '', String(size)]),
    ),
    ...notes.map((note) => `note: ${note}`),
  ];
}

export function inspect({ file, json }: InspectOptions, out: TextOutput): void {
  const bytes = readBytes(file, '');
  const name = basename(file);
  const found = facts(readObject(bytes, { name }), readElf(bytes, name), bytes.length);
  out.write(json ? `${JSON.stringify(found)}\n` : `${lines(found).join('\n')}\n`);
}
