/** The stack that chains of calls take together: 512 bytes are the most. Mirrors check_max_stack_depth. */

import { BPF_FUNC } from '@cpumap/uapi';
import { functionTarget } from '../isa/instruction.ts';
import { BPF_CALL, OPCODE } from '../isa/opcodes.ts';
import type { ProgramShape } from './program-shape.ts';
import type { Refuse } from './refusal.ts';
import { FRAME_STACK, MAX_FRAMES } from './state.ts';

/** The processor aligns a stack to so many bytes. */
const UNIT = 16;
/** The most that callers may have used where a function makes a tail call. */
const MAX_BEFORE_TAIL_CALL = 256;

function taken(bytes: number): number {
  return Math.ceil(bytes / UNIT) * UNIT;
}

/** @returns the bytes of the deepest chain */
export function checkStackDepth(shape: ProgramShape, stackUse: readonly number[], refuse: Refuse): number {
  const { subprograms, subprogramAt, at } = shape;
  const callees = subprograms.map(({ start, end }) => {
    const found = new Set<number>();
    for (let slot = start; slot < end; slot++) {
      const instruction = at[slot];
      const target = instruction === undefined ? undefined : functionTarget(instruction);
      if (target !== undefined) found.add(subprogramAt.get(target)!);
    }
    return [...found];
  });
  const makesTailCall = subprograms.map(({ start, end }) => {
    for (let slot = start; slot < end; slot++) {
      const one = at[slot];
      if (one?.opcode === OPCODE.CALL && one.src === BPF_CALL.HELPER && one.imm === BPF_FUNC.tail_call) return true;
    }
    return false;
  });
  const known = new Map<string, number>();

  function deepest(index: number, before: number, frames: number): number {
    const key = `${index} ${before} ${frames}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    if (frames > MAX_FRAMES) {
      refuse(
        'E2BIG',
        `the call stack of ${frames} frames is too deep !`,
        undefined,
        'functions call each other too deeply',
      );
    }
    if (index > 0 && makesTailCall[index] && before >= MAX_BEFORE_TAIL_CALL) {
      refuse(
        'EACCES',
        `tail_calls are not allowed when call stack of previous frames is ${before} bytes. Too large`,
        subprograms[index]!.start,
        'the program that takes over needs room',
      );
    }
    const own = before + taken(stackUse[index]!);
    if (own > FRAME_STACK) {
      refuse(
        'EACCES',
        `combined stack size of ${frames} calls is ${own}. Too large`,
        subprograms[index]!.start,
        `${FRAME_STACK} bytes are for all functions that are active at a time`,
      );
    }
    const depth = Math.max(own, ...callees[index]!.map((callee) => deepest(callee, own, frames + 1)));
    known.set(key, depth);
    return depth;
  }
  return deepest(0, 0, 1);
}
