/**
 * Puts names on what functions and maps refer to: a place in a section becomes a map, a variable's place, a function.
 */
import type { BtfDatasec } from '../btf/btf-types.ts';
import type { ByteReader } from '../elf/byte-reader.ts';
import { type Elf, sectionReader } from '../elf/elf.ts';
import { SHN_UNDEF } from '../elf/elf-format.ts';
import type { FoundMap } from './btf-maps.ts';
import { type FoundFunction, functionAt } from './functions.ts';
import { SLOT } from './instructions.ts';
import type { ObjectTypes } from './object-types.ts';
import type { ObjectExtern, ObjectFunction, ObjectMap, ObjectReference } from './spec.ts';
import type { Target } from './targets.ts';

export interface Findings {
  readonly types: ObjectTypes;
  readonly maps: readonly FoundMap[];
  /** Functions by the index of their section. */
  readonly cut: ReadonlyMap<number, readonly FoundFunction[]>;
  readonly targets: ReadonlyMap<number, readonly Target[]>;
  readonly keys: ReadonlyMap<FoundFunction, string>;
}

export interface Resolved {
  readonly functions: ReadonlyMap<string, ObjectFunction>;
  readonly externs: ReadonlyMap<string, ObjectExtern>;
  /** The maps that hold something from the start. */
  readonly filled: readonly ObjectMap[];
}

/** Records of one section, by the function that they lie in; those outside of all functions are dropped. */
function byFunction<R extends { readonly instruction: number }>(
  functions: readonly FoundFunction[],
  records: readonly R[] | undefined,
): Map<FoundFunction, (Omit<R, 'instruction'> & { slot: number })[]> {
  const found = new Map<FoundFunction, (Omit<R, 'instruction'> & { slot: number })[]>();
  for (const { instruction, ...rest } of records ?? []) {
    const home = functionAt(functions, instruction);
    if (home === undefined) continue;
    const list = found.get(home) ?? [];
    list.push({ ...rest, slot: Math.floor((instruction - home.offset) / SLOT) });
    found.set(home, list);
  }
  return found;
}

/** What BTF declares as provided by the kernel, with the section that it says so in. */
function declaredExterns({ btf, datasecs }: ObjectTypes): Map<string, string | undefined> {
  const declared = new Map<string, string | undefined>();
  for (const type of btf?.types ?? []) {
    if ((type.kind === 'func' || type.kind === 'var') && type.linkage === 'extern') declared.set(type.name, undefined);
  }
  const place = (list: BtfDatasec): void => {
    for (const { type } of list.vars) {
      const name = btf!.types[type]!.name;
      if (declared.has(name)) declared.set(name, list.name);
    }
  };
  for (const list of datasecs.values()) place(list);
  return declared;
}

export function resolveFunctions(elf: Elf, findings: Findings): Resolved {
  const { types, maps, cut, targets, keys } = findings;
  const declared = declaredExterns(types);
  const externs = new Map<string, ObjectExtern>();
  const dataMaps = new Map<string, ObjectMap>();
  const mapsAt = new Map<string, ObjectMap>();
  const places = new Map<string, { map: ObjectMap; valuesAt: number | undefined; size: number }[]>();
  for (const found of maps) {
    const { map } = found;
    if (map.data === undefined) mapsAt.set(`${map.offset} ${map.section}`, map);
    else dataMaps.set(map.section, map);
    const list = places.get(map.section) ?? [];
    list.push(found);
    places.set(map.section, list);
  }

  function functionStarting(section: number, offset: number): string | undefined {
    const found = functionAt(cut.get(section) ?? [], offset);
    return found?.offset === offset ? keys.get(found) : undefined;
  }

  function resolve(reader: ByteReader, { slot, kind, to }: Target): Omit<ObjectReference, 'slot'> {
    const bad = (what: string): never => reader.fail('bad-relocation', slot * SLOT, what);
    if ('missing' in to) {
      const { missing, weak } = to;
      externs.set(missing, { name: missing, weak, declared: declared.has(missing), section: declared.get(missing) });
      return { kind: 'extern', target: missing, offset: 0 };
    }
    const section = elf.sections[to.section];
    const where = `${section?.name ?? `section ${to.section}`}+0x${to.offset.toString(16)}`;
    if (cut.has(to.section)) {
      const target = functionStarting(to.section, to.offset) ?? bad(`refers to ${where}, where no function starts`);
      return { kind: kind === 'call' ? 'call' : 'func', target, offset: 0 };
    }
    if (kind === 'call') bad(`calls ${where}, which is no code`);
    const data = section === undefined ? undefined : dataMaps.get(section.name);
    if (data !== undefined) {
      if (to.offset < 0 || to.offset >= data.valueSize) bad(`refers to ${where}, outside its ${data.valueSize} bytes`);
      return { kind: 'map-value', target: data.name, offset: to.offset };
    }
    const map = mapsAt.get(`${to.offset} ${section?.name}`);
    if (map !== undefined) return { kind: 'map', target: map.name, offset: 0 };
    return bad(`refers to ${where}, where no map, variable or function is`);
  }

  const functions = new Map<string, ObjectFunction>();
  const typeIds = new Map<string, number>();
  for (const [id, type] of types.btf?.types.entries() ?? []) {
    if (type.kind === 'func' && type.linkage !== 'extern' && !typeIds.has(type.name)) typeIds.set(type.name, id);
  }
  for (const [index, list] of cut) {
    const section = elf.sections[index]!;
    const reader: ByteReader = sectionReader(elf, section);
    const lines = byFunction(list, types.ext?.lines.get(section.name));
    const core = byFunction(list, types.ext?.core.get(section.name));
    const infos = byFunction(list, types.ext?.functions.get(section.name));
    const references = new Map<FoundFunction, ObjectReference[]>();
    for (const target of targets.get(index)!) {
      const home = functionAt(list, target.slot * SLOT);
      if (home === undefined) continue;
      const slot = target.slot - home.offset / SLOT;
      if (target.kind === 'load' && (slot + 2) * SLOT > home.size) {
        reader.fail('bad-program', target.slot * SLOT, `function ${home.name} ends inside an ld_imm64`);
      }
      const known = references.get(home) ?? [];
      known.push({ slot, ...resolve(reader, target) });
      references.set(home, known);
    }
    for (const found of list) {
      const name = keys.get(found)!;
      functions.set(name, {
        name,
        section: section.name,
        offset: found.offset,
        linkage: found.linkage,
        code: section.bytes.slice(found.offset, found.offset + found.size),
        references: references.get(found) ?? [],
        lines: lines.get(found) ?? [],
        core: core.get(found) ?? [],
        type: infos.get(found)?.find(({ slot }) => slot === 0)?.type ?? typeIds.get(found.name),
      });
    }
  }

  return { functions, externs, filled: fillMaps() };

  /** Initial contents of maps of maps and of programs: relocations of 64-bit words inside `values`. */
  function fillMaps(): ObjectMap[] {
    const values = new Map<ObjectMap, ObjectMap['values'][number][]>();
    for (const section of elf.sections) {
      const list = places.get(section.name);
      if (list === undefined || list[0]!.map.data !== undefined) continue;
      const reader: ByteReader = sectionReader(elf, section);
      const spans = list.map((found) => ({ ...found, offset: found.map.offset }));
      for (const [i, span] of spans.entries()) {
        // an array without length makes the variable longer than its type
        span.size = (spans[i + 1]?.offset ?? section.size) - span.offset;
      }
      for (const { offset, symbol: symbolIndex, addend } of elf.relocations.get(section.index) ?? []) {
        const bad = (what: string): never => reader.fail('bad-relocation', offset, what);
        const span = functionAt(spans, offset) ?? bad('a relocation of no map');
        const at = offset - span.offset - (span.valuesAt ?? bad(`map ${span.map.name} has no values`));
        if (at < 0 || at % SLOT !== 0) bad(`a relocation of no element of map ${span.map.name}`);
        const symbol = elf.symbols[symbolIndex]!;
        const to = symbol.value + (addend ?? reader.u64(offset));
        if (symbol.section === SHN_UNDEF) bad(`${symbol.name} is not defined`);
        const map = mapsAt.get(`${to} ${elf.sections[symbol.section]?.name}`);
        const program = functionStarting(symbol.section, to);
        const entry =
          span.map.inner === undefined
            ? { kind: 'program' as const, target: program ?? bad(`map ${span.map.name} holds no program there`) }
            : { kind: 'map' as const, target: map?.name ?? bad(`map ${span.map.name} holds no map there`) };
        const known = values.get(span.map) ?? [];
        known.push({ index: at / SLOT, ...entry });
        values.set(span.map, known);
      }
    }
    return [...values].map(([map, list]) => ({ ...map, values: list.sort((a, b) => a.index - b.index) }));
  }
}
