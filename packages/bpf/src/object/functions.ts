/**
 * Cuts code sections into functions.
 *
 * A function is a symbol of type FUNC. Compilers before clang 8 may leave them untyped: in a section without any FUNC,
 * each global symbol starts a function, and so does each place that is called; its end is the next one's start. Local
 * untyped symbols (LBB0_1) are labels.
 */
import { type Elf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, STB, STT } from '../elf/elf-format.ts';
import type { ElfSymbol } from '../elf/elf-tables.ts';
import { SLOT } from './instructions.ts';

export interface FoundFunction {
  readonly name: string;
  readonly section: ElfSection;
  readonly offset: number;
  readonly size: number;
  readonly linkage: 'static' | 'global' | 'weak';
}

const LINKAGE: Readonly<Record<number, FoundFunction['linkage']>> = { [STB.GLOBAL]: 'global', [STB.WEAK]: 'weak' };

/** The functions of a section by their start, ascending. @param called offsets in it that something refers to */
export function cutFunctions(elf: Elf, section: ElfSection, called: ReadonlySet<number>): FoundFunction[] {
  const reader = sectionReader(elf, section);
  const symbols = (elf.symbolsOf.get(section.index) ?? []).filter(({ name }) => name !== '');
  const typed = symbols.some(({ type }) => type === STT.FUNC);

  // of two symbols for one place, the one that others can see
  const starts = new Map<number, ElfSymbol | undefined>();
  for (const symbol of symbols) {
    if (typed ? symbol.type !== STT.FUNC : symbol.type !== STT.NOTYPE || symbol.value >= section.size) continue;
    if (!typed && symbol.binding === STB.LOCAL && !called.has(symbol.value)) continue;
    const known = starts.get(symbol.value);
    if (known === undefined || known.binding === STB.LOCAL) starts.set(symbol.value, symbol);
  }
  if (!typed)
    for (const offset of called)
      if (offset >= 0 && offset < section.size && !starts.has(offset)) starts.set(offset, undefined);

  const places = [...starts].sort(([a], [b]) => a - b);
  return places.map(([offset, symbol], i) => {
    const next = places[i + 1]?.[0] ?? section.size;
    const name = symbol?.name ?? `${section.name}+0x${offset.toString(16)}`;
    const size = symbol !== undefined && symbol.size > 0 ? symbol.size : next - offset;
    if (offset + size > next) reader.fail('bad-symbol', offset, `function ${name} reaches into the next one`);
    if (offset % SLOT !== 0 || size % SLOT !== 0 || size === 0) {
      reader.fail('bad-program', offset, `function ${name} of ${size} bytes is not made of 8-byte slots`);
    }
    return { name, section, offset, size, linkage: LINKAGE[symbol?.binding ?? STB.LOCAL] ?? 'static' };
  });
}

/** The function that holds a byte; `functions` as `cutFunctions` returns them. */
export function functionAt<F extends { readonly offset: number; readonly size: number }>(
  functions: readonly F[],
  offset: number,
): F | undefined {
  let low = 0;
  let high = functions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (functions[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  const found = functions[low - 1];
  return found !== undefined && offset < found.offset + found.size ? found : undefined;
}

/** Keys for functions: their names; those of globals first, for statics of several files may share one. */
export function functionKeys(functions: readonly FoundFunction[]): Map<FoundFunction, string> {
  const taken = new Set<string>();
  const keys = new Map<FoundFunction, string>();
  const globals = functions.filter(({ linkage }) => linkage !== 'static');
  for (const found of [...globals, ...functions.filter(({ linkage }) => linkage === 'static')]) {
    const { name, section, offset } = found;
    let key = taken.has(name) ? `${name}@${section.name}+0x${offset.toString(16)}` : name;
    while (taken.has(key)) key += `#${section.index}`; // two sections may have one name, too
    taken.add(key);
    keys.set(found, key);
  }
  return keys;
}
