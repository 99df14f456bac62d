/**
 * `linkProgram`: one program as one stretch of slots, as bpf(BPF_PROG_LOAD) takes it.
 *
 * The program comes first, then each function that it needs, once. Calls and function addresses are final. Maps,
 * variables and things of the kernel are not: their instructions say what kind of thing they load (source register 1 a
 * map, 2 a place in a map's value with its offset in the second slot; of a call 2 a function of the kernel) but hold 0 for
 * which; `references` names it.
 */
import { ObjectError } from '../elf/object-error.ts';
import { isCall, PSEUDO, patchSecondSlot, patchSlot, SLOT } from './instructions.ts';
import type { CollectionSpec, ObjectCoreRelocation, ObjectLine, ObjectReference } from './spec.ts';

export interface LinkedFunction {
  readonly name: string;
  /** Its first slot. */
  readonly slot: number;
  readonly slots: number;
  /** Id of its BTF func. */
  readonly type: number | undefined;
}

export interface LinkedProgram {
  readonly name: string;
  readonly code: Uint8Array;
  /** In the order in which they lie in `code`; the program is the first. */
  readonly functions: readonly LinkedFunction[];
  /** `map`, `map-value` and `extern` only. */
  readonly references: readonly ObjectReference[];
  readonly lines: readonly ObjectLine[];
  readonly core: readonly ObjectCoreRelocation[];
}

/** @throws ObjectError not-found, naming the programs that there are */
export function linkProgram(spec: CollectionSpec, programName: string): LinkedProgram {
  const program = spec.programs.get(programName);
  if (program === undefined) {
    const known = [...spec.programs.keys()].join(', ') || 'none';
    throw new ObjectError('not-found', `no program ${programName}`, {
      file: spec.name === '' ? undefined : spec.name,
      offset: 0,
      hint: `there is ${known}`,
    });
  }

  const parts = [program.name, ...program.subprograms].map((name) => spec.functions.get(name)!);
  const starts = new Map<string, number>();
  let slots = 0;
  for (const { name, code } of parts) {
    starts.set(name, slots);
    slots += code.length / SLOT;
  }

  const code = new Uint8Array(slots * SLOT);
  const view = new DataView(code.buffer);
  const references: ObjectReference[] = [];
  const lines: ObjectLine[] = [];
  const core: ObjectCoreRelocation[] = [];
  for (const part of parts) {
    const start = starts.get(part.name)!;
    code.set(part.code, start * SLOT);
    for (const line of part.lines) lines.push({ ...line, slot: line.slot + start });
    for (const relocation of part.core) core.push({ ...relocation, slot: relocation.slot + start });
    for (const reference of part.references) {
      const slot = reference.slot + start;
      if (reference.kind === 'call' || reference.kind === 'func') {
        // both count from the slot after the first of the instruction
        const distance = starts.get(reference.target)! - slot - 1;
        patchSlot(view, slot, reference.kind === 'call' ? PSEUDO.CALL : PSEUDO.FUNC, distance);
        if (reference.kind === 'func') patchSecondSlot(view, slot, 0);
        continue;
      }
      references.push({ ...reference, slot });
      if (reference.kind === 'extern') {
        if (isCall(view, slot)) patchSlot(view, slot, PSEUDO.KFUNC_CALL, 0);
        continue;
      }
      patchSlot(view, slot, reference.kind === 'map' ? PSEUDO.MAP_FD : PSEUDO.MAP_VALUE, 0);
      patchSecondSlot(view, slot, reference.offset);
    }
  }
  const functions = parts.map(({ name, code: { length }, type }) => ({
    name,
    slot: starts.get(name)!,
    slots: length / SLOT,
    type,
  }));
  return { name: program.name, code, functions, references, lines, core };
}
