/**
 * Global variables: each of the sections .data*, .rodata*, .bss* becomes an array map of one value, which programs
 * address directly. The map has the section's name.
 */
import { BPF_F_RDONLY_PROG, BPF_MAP_TYPE } from '@cpumap/uapi';
import type { Btf } from '../btf/btf.ts';
import type { BtfDatasec } from '../btf/btf-types.ts';
import { type Elf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, SHF, SHT, STT } from '../elf/elf-format.ts';
import { MAP_DEFAULTS } from './legacy-maps.ts';
import type { ObjectMap } from './spec.ts';

/** The kernel's limit of a map's value, INT_MAX. */
const LARGEST = 0x7fffffff;

export function isDataSection({ name, type, flags, size }: ElfSection): boolean {
  if ((type !== SHT.PROGBITS && type !== SHT.NOBITS) || (flags & SHF.ALLOC) === 0 || size === 0) return false;
  return /^\.(data|rodata|bss)(\.|$)/.test(name);
}

export function readGlobalData(
  elf: Elf,
  section: ElfSection,
  btf: Btf | undefined,
  list: BtfDatasec | undefined,
): ObjectMap {
  const { name, index, size } = section;
  const reader = sectionReader(elf, section);
  if (size > LARGEST) reader.fail('absurd', 0, `${size} bytes of variables`);

  const types = new Map<string, number>();
  for (const { type } of list?.vars ?? []) {
    const variable = btf!.types[type]!;
    if (variable.kind === 'var') types.set(variable.name, variable.type);
  }
  const variables = (elf.symbolsOf.get(index) ?? [])
    .filter((symbol) => symbol.type === STT.OBJECT)
    .map((symbol) => ({
      name: symbol.name,
      offset: symbol.value,
      size: symbol.size,
      type: types.get(symbol.name),
    }))
    .sort((a, b) => a.offset - b.offset);
  const frozen = name.startsWith('.rodata');
  return {
    ...MAP_DEFAULTS,
    name,
    section: name,
    offset: 0,
    type: BPF_MAP_TYPE.ARRAY,
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: frozen ? BPF_F_RDONLY_PROG : 0,
    data: { contents: section.type === SHT.NOBITS ? undefined : section.bytes.slice(), frozen, variables },
  };
}
