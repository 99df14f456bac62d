/**
 * A program before any path is followed: its functions, and whether control stays inside them and reaches everything.
 * The order of the checks and their words are those of Linux.
 */
import { functionTarget, type Instruction, isConditionalJump, jumpTarget, slotCount } from '../isa/instruction.ts';
import { BPF_CALL, OPCODE } from '../isa/opcodes.ts';
import type { Refuse } from './refusal.ts';

export interface Subprogram {
  readonly start: number;
  /** The slot behind its last. */
  readonly end: number;
}

export interface ProgramShape {
  readonly slots: number;
  /** By slot; undefined in the second half of a 64-bit immediate. */
  readonly at: readonly (Instruction | undefined)[];
  /** In the order in which they lie in the program; the first is the program itself. */
  readonly subprograms: readonly Subprogram[];
  /** Index in `subprograms` of the one that begins at a slot. */
  readonly subprogramAt: ReadonlyMap<number, number>;
  /** Slots at which paths meet or part: where states are kept. */
  readonly prunePoints: ReadonlySet<number>;
}

/** BPF_MAX_SUBPROGS */
const MAX_SUBPROGRAMS = 256;

export function isLocalCall({ opcode, src }: Instruction): boolean {
  return opcode === OPCODE.CALL && src === BPF_CALL.LOCAL;
}

function findSubprograms(instructions: readonly Instruction[], slots: number, refuse: Refuse): Subprogram[] {
  const starts = new Set([0]);
  for (const instruction of instructions) {
    const target = functionTarget(instruction);
    if (target === undefined) continue;
    if (target < 0 || target >= slots) {
      refuse('EINVAL', 'call to invalid destination', instruction.slot, 'the function would begin outside the program');
    }
    starts.add(target);
  }
  if (starts.size > MAX_SUBPROGRAMS) {
    refuse('E2BIG', 'too many subprograms', undefined, `the program has ${starts.size} functions, 256 are the most`);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, i) => ({ start, end: sorted[i + 1] ?? slots }));
}

/** Jumps stay inside their function, and no function runs into the next. */
function checkJumps(shape: ProgramShape, refuse: Refuse): void {
  for (const { start, end } of shape.subprograms) {
    let last: Instruction | undefined;
    for (let slot = start; slot < end; slot++) {
      const instruction = shape.at[slot];
      if (instruction === undefined) continue;
      last = instruction;
      const target = jumpTarget(instruction);
      if (target === undefined || (target >= start && target < end)) continue;
      refuse(
        'EINVAL',
        `jump out of range from insn ${slot} to ${target}`,
        slot,
        `the function's instructions are ${start} to ${end - 1}`,
      );
    }
    if (last?.opcode === OPCODE.EXIT || last?.opcode === OPCODE.JA || last?.opcode === OPCODE.JA32) continue;
    refuse('EINVAL', 'last insn is not an exit or jmp', last?.slot, 'control would run past the end of the function');
  }
}

function waysFrom(instruction: Instruction): number[] {
  const { slot, opcode } = instruction;
  if (opcode === OPCODE.EXIT) return [];
  const target = jumpTarget(instruction);
  if (target !== undefined && !isConditionalJump(instruction)) return [target];
  const next = slot + slotCount(instruction);
  const other = target ?? functionTarget(instruction);
  return other === undefined ? [next] : [next, other];
}

function checkReach({ slots, at }: ProgramShape, refuse: Refuse): void {
  const reached = new Uint8Array(slots);
  const work = [0];
  for (let slot = work.pop(); slot !== undefined; slot = work.pop()) {
    if (reached[slot] === 1) continue;
    reached[slot] = 1;
    const instruction = at[slot];
    if (instruction === undefined) {
      refuse('EINVAL', `jump into the middle of ldimm64 insn ${slot - 1}`, slot, 'a 64-bit immediate takes two slots');
    }
    work.push(...waysFrom(instruction));
  }
  for (let slot = 0; slot < slots; slot++) {
    if (reached[slot] === 1 || at[slot] === undefined) continue;
    refuse('EINVAL', `unreachable insn ${slot}`, slot, 'no path leads there: remove it, or call the function');
  }
}

/** Helper calls that may call back end paths, too, but which they are the helpers' table knows. */
function findPrunePoints(instructions: readonly Instruction[]): Set<number> {
  const points = new Set<number>();
  for (const instruction of instructions) {
    if (isConditionalJump(instruction)) points.add(instruction.slot);
    else if (isLocalCall(instruction)) points.add(instruction.slot + 1);
    else {
      const target = jumpTarget(instruction);
      if (target !== undefined) points.add(target);
    }
  }
  return points;
}

/** @throws whatever `refuse` throws */
export function shapeOf(instructions: readonly Instruction[], refuse: Refuse): ProgramShape {
  const last = instructions[instructions.length - 1];
  if (last === undefined) refuse('EINVAL', '', undefined, 'a program has at least one instruction');
  const slots = last.slot + slotCount(last);
  if (slots > 1_000_000) refuse('E2BIG', '', undefined, 'a program has at most a million instructions');
  const at: (Instruction | undefined)[] = new Array(slots).fill(undefined);
  for (const instruction of instructions) at[instruction.slot] = instruction;
  const subprograms = findSubprograms(instructions, slots, refuse);
  const subprogramAt = new Map(subprograms.map(({ start }, i) => [start, i]));
  const shape = { slots, at, subprograms, subprogramAt, prunePoints: findPrunePoints(instructions) };
  checkJumps(shape, refuse);
  checkReach(shape, refuse);
  return shape;
}
