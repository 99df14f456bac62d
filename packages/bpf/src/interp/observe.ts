/**
 * Following a run of the interpreter: what decided its way, and what its helpers answered. For explaining and debugging; a
 * program that nobody follows is translated as ever and pays nothing.
 */
import type { Instruction } from '../isa/instruction.ts';
import type { InterpreterHelper } from './interpreter-helper.ts';
import type { Translation } from './translate.ts';

export interface RunObserver {
  /** A run begins, with that context. */
  begin(ctx: number): void;
  /** A conditional jump compared two numbers, unsigned, of 32 or 64 bits as the instruction has it. */
  jump(instruction: Instruction, isTaken: boolean, left: bigint, right: bigint): void;
  /** A helper or kfunc has come back. `registers` as helpers see them: r1 to r5 are still its arguments. */
  call(instruction: Instruction, registers: Int32Array, result: number | bigint): void;
  /** bpf_tail_call is about to be tried. */
  tailCall(instruction: Instruction, map: number, index: number): void;
}

const wide = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** The same program, whose conditional jumps tell. */
export function observeJumps(
  program: Translation,
  instructions: readonly Instruction[],
  observer: RunObserver,
): Translation {
  return {
    ...program,
    compare64: program.compare64.map(
      (compare, pc) =>
        compare &&
        ((aLo, aHi, bLo, bHi) => {
          const isTaken = compare(aLo, aHi, bLo, bHi);
          observer.jump(instructions[pc]!, isTaken, wide(aLo, aHi), wide(bLo, bHi));
          return isTaken;
        }),
    ),
    compare32: program.compare32.map(
      (compare, pc) =>
        compare &&
        ((a, b) => {
          const isTaken = compare(a, b);
          observer.jump(instructions[pc]!, isTaken, wide(a, 0), wide(b, 0));
          return isTaken;
        }),
    ),
  };
}

/** The same helper, which tells of its calls by one instruction. */
export function observeCall(
  helper: InterpreterHelper,
  instruction: Instruction,
  observer: RunObserver,
): InterpreterHelper {
  return (r1, r2, r3, r4, r5, registers) => {
    const result = helper(r1, r2, r3, r4, r5, registers);
    observer.call(instruction, registers, result);
    return result;
  };
}
