/**
 * Which functions are programs: the global ones outside .text, by what their section's name says. Code in .text is there
 * to be called; it is a program only in an object that has nothing else.
 */
import { ObjectError } from '../elf/object-error.ts';
import { sectionMeaning } from './section-names.ts';
import type { ObjectFunction, ObjectProgram } from './spec.ts';

/** BPF_MAX_SUBPROGS of the kernel, the program itself included. */
const MAX_SUBPROGS = 256;

export function isHelperSection(section: string): boolean {
  return section === '.text' || section.startsWith('.text.');
}

/** Steps that all programs of an object together may take to find what they call. */
const MOST_STEPS = 10_000_000;

/** What each program calls or refers to, directly or not, in the order in which it is met. */
function reachability(functions: ReadonlyMap<string, ObjectFunction>, file: string | undefined) {
  const direct = new Map<string, ReadonlySet<string>>();
  for (const { name, references } of functions.values()) {
    const named = references.filter(({ kind }) => kind === 'call' || kind === 'func');
    direct.set(name, new Set(named.map(({ target }) => target)));
  }
  let steps = 0;
  return ({ name: first, section, offset }: ObjectFunction): string[] => {
    const reached = new Set([first]);
    for (const name of reached) {
      for (const target of direct.get(name)!) reached.add(target);
      steps += direct.get(name)!.size;
      if (reached.size <= MAX_SUBPROGS && steps <= MOST_STEPS) continue;
      throw new ObjectError('absurd', `program ${first} calls more than ${MAX_SUBPROGS - 1} functions`, {
        file,
        section,
        offset,
        hint: 'the kernel takes no more',
      });
    }
    reached.delete(first);
    return [...reached];
  };
}

export function selectPrograms(
  functions: ReadonlyMap<string, ObjectFunction>,
  file: string | undefined,
): { programs: ReadonlyMap<string, ObjectProgram>; functions: ReadonlyMap<string, ObjectFunction> } {
  const globals = [...functions.values()].filter(({ linkage }) => linkage !== 'static');
  const outside = globals.filter(({ section }) => !isHelperSection(section));
  const programs = new Map<string, ObjectProgram>();
  const reachedFrom = reachability(functions, file);
  for (const entry of outside.length > 0 ? outside : globals) {
    programs.set(entry.name, {
      ...entry,
      ...sectionMeaning(entry.section),
      subprograms: reachedFrom(entry),
    });
  }
  return { programs, functions: new Map([...functions].map(([name, found]) => [name, programs.get(name) ?? found])) };
}
