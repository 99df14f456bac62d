/**
 * `readObject`: the bytes of a compiled BPF object in, its CollectionSpec out. Pure: no file, clock or machine is asked.
 *
 * It reads what clang writes since version 7, with or without BTF, and throws ObjectError for anything else. What it
 * leaves symbolic stays symbolic: `linkProgram` lays out one program, and whoever loads it fills in maps.
 */

import type { ByteReader } from '../elf/byte-reader.ts';
import { type Elf, readElf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, SHF, SHT } from '../elf/elf-format.ts';
import { ObjectError } from '../elf/object-error.ts';
import { BTF_MAP_SECTION, type FoundMap, readBtfMaps } from './btf-maps.ts';
import { cutFunctions, type FoundFunction, functionKeys } from './functions.ts';
import { isDataSection, readGlobalData } from './global-data.ts';
import { isLegacyMapSection, readLegacyMaps } from './legacy-maps.ts';
import { type ObjectTypes, onlySection, readTypes } from './object-types.ts';
import { resolveFunctions } from './resolve.ts';
import { isHelperSection, selectPrograms } from './select-programs.ts';
import type { CollectionSpec, ObjectMap } from './spec.ts';
import { readTargets, type Target } from './targets.ts';

export interface ReadObjectOptions {
  /** What to call the object in errors and in the spec: a file name, as a rule. */
  readonly name?: string;
}

/** A NUL-terminated text that fills a section. */
function readLicense(elf: Elf): string {
  const section = onlySection(elf, 'license');
  if (section === undefined) return '';
  const end = section.bytes.indexOf(0);
  if (end < 0) sectionReader(elf, section).fail('truncated', section.size, 'the license does not end');
  return new TextDecoder().decode(section.bytes.subarray(0, end));
}

function readVersion(elf: Elf): number | undefined {
  const section = onlySection(elf, 'version');
  return section === undefined ? undefined : sectionReader(elf, section).u32(0);
}

/** The maps of all kinds, in the order of their sections. */
function readMaps(elf: Elf, { btf, datasecs }: ObjectTypes): FoundMap[] {
  const names = new Set<string>();
  return elf.sections.flatMap((section): FoundMap[] => {
    const plain = (map: ObjectMap): FoundMap => ({ map, size: 0, valuesAt: undefined });
    if (isDataSection(section)) return [plain(readGlobalData(elf, section, btf, datasecs.get(section.name)))];
    if (section.type !== SHT.PROGBITS) return [];
    if (!isLegacyMapSection(section.name) && section.name !== BTF_MAP_SECTION) return [];
    if (names.has(section.name)) sectionReader(elf, section).fail('bad-section', 0, 'a second section of that name');
    names.add(section.name);
    if (isLegacyMapSection(section.name)) return readLegacyMaps(elf, section).map(plain);
    return readBtfMaps(elf, section, btf, datasecs.get(BTF_MAP_SECTION));
  });
}

function isCode({ type, flags, size }: ElfSection): boolean {
  return type === SHT.PROGBITS && (flags & SHF.EXECINSTR) !== 0 && size > 0;
}

/** @throws ObjectError, whatever the bytes are */
export function readObject(bytes: Uint8Array, { name }: ReadObjectOptions = {}): CollectionSpec {
  const elf = readElf(bytes, name);
  const types = readTypes(elf);
  const notes: string[] = [];

  const maps = new Map<string, ObjectMap>();
  const found = readMaps(elf, types);
  for (const { map } of found) {
    if (maps.has(map.name)) {
      throw new ObjectError('bad-map', `a second map ${map.name}`, {
        file: name,
        section: map.section,
        offset: map.offset,
      });
    }
    maps.set(map.name, map);
  }

  const code = elf.sections.filter(isCode);
  const targets = new Map<number, readonly Target[]>();
  const called = new Map<number, Set<number>>();
  for (const section of code) {
    const list = readTargets(elf, section);
    targets.set(section.index, list);
    for (const { to } of list) {
      if ('missing' in to) continue;
      const known = called.get(to.section) ?? new Set<number>();
      called.set(to.section, known.add(to.offset));
    }
  }
  const cut = new Map<number, readonly FoundFunction[]>();
  for (const section of code)
    cut.set(section.index, cutFunctions(elf, section, called.get(section.index) ?? new Set()));
  const keys = functionKeys([...cut.values()].flat());

  for (const section of code) {
    const reader: ByteReader = sectionReader(elf, section);
    if (cut.get(section.index)!.length === 0 && !isHelperSection(section.name)) {
      notes.push(`${section.name}: ${reader.length} bytes of code that no symbol names`);
    }
  }
  for (const section of elf.sections.filter(isDataSection)) {
    const count = elf.relocations.get(section.index)?.length ?? 0;
    if (count > 0) notes.push(`${section.name}: ${count} addresses in initial contents are not filled in`);
  }

  const { functions, externs, filled } = resolveFunctions(elf, { types, maps: found, cut, targets, keys });
  for (const map of filled) maps.set(map.name, map);
  for (const { name: missing, declared, weak } of externs.values()) {
    if (!declared && !weak) notes.push(`${missing} is not defined, and no BTF declares it (__ksym, __kconfig)`);
  }
  return {
    name: name ?? '',
    license: readLicense(elf),
    version: readVersion(elf),
    maps,
    ...selectPrograms(functions, name),
    externs,
    btf: types.btf,
    notes,
  };
}
