/** The types of an object, where it has any: .BTF and .BTF.ext, with the variables of each section at hand. */
import { type Btf, readBtf } from '../btf/btf.ts';
import { type BtfExt, readBtfExt } from '../btf/btf-ext.ts';
import type { BtfDatasec } from '../btf/btf-types.ts';
import { type Elf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, SHT } from '../elf/elf-format.ts';

/** The parts of a BTF-carrying object; all undefined in one without. */
export interface ObjectTypes {
  readonly btf: Btf | undefined;
  readonly ext: BtfExt | undefined;
  readonly datasecs: ReadonlyMap<string, BtfDatasec>;
}

/** The section of that name; undefined when there is none. @throws ObjectError when there are two */
export function onlySection(elf: Elf, name: string): ElfSection | undefined {
  const [first, second] = elf.sections.filter((section) => section.name === name && section.type === SHT.PROGBITS);
  if (second !== undefined) sectionReader(elf, second).fail('bad-section', 0, 'a second section of that name');
  return first;
}

export function readTypes(elf: Elf): ObjectTypes {
  const section = onlySection(elf, '.BTF');
  const extension = onlySection(elf, '.BTF.ext');
  if (section === undefined) return { btf: undefined, ext: undefined, datasecs: new Map() };
  const { btf, strings } = readBtf(sectionReader(elf, section).bytes, {
    file: elf.file,
    section: '.BTF',
  });
  const ext =
    extension === undefined
      ? undefined
      : readBtfExt(sectionReader(elf, extension).bytes, strings, btf.types.length, {
          file: elf.file,
          section: '.BTF.ext',
        });
  const datasecs = new Map<string, BtfDatasec>();
  for (const type of btf.types) if (type.kind === 'datasec' && !datasecs.has(type.name)) datasecs.set(type.name, type);
  return { btf, ext, datasecs };
}
