/**
 * A program prepared for running: what the instructions say, by their index, in arrays of one type each.
 *
 * What can be decided before a run is decided here: which function computes, which index a jump goes to, whether the
 * program is one at all. `kind` is what the loop of the interpreter switches on.
 */
import type { Memory } from '@cpumap/smp';
import { checkInstruction } from '../isa/check.ts';
import { checkControlFlow, slotIndex } from '../isa/control-flow.ts';
import { functionTarget, type Instruction, instructionClass, isTailCall, jumpTarget } from '../isa/instruction.ts';
import { accessSize, BPF_ALU, BPF_CALL, BPF_CLASS, BPF_IMM64, BPF_MODE, BPF_SOURCE, OPCODE } from '../isa/opcodes.ts';
import { refuseInstruction } from '../isa/refusal.ts';
import { isReference } from '../isa/relocate.ts';
import { type Alu32, type Alu64, alu32Operation, alu64Operation } from './arithmetic.ts';
import { type Compare32, type Compare64, compare32, compare64 } from './comparisons.ts';
import { type Atomic, attachMemoryOperations, type Load, type Store } from './memory-operations.ts';

export const KIND = {
  ALU64_K: 0,
  ALU64_X: 1,
  ALU32_K: 2,
  ALU32_X: 3,
  JUMP64_K: 4,
  JUMP64_X: 5,
  JUMP32_K: 6,
  JUMP32_X: 7,
  GOTO: 8,
  IMM64: 9,
  LOAD: 10,
  STORE_K: 11,
  STORE_X: 12,
  ATOMIC: 13,
  CALL_HELPER: 14,
  TAIL_CALL: 15,
  CALL_LOCAL: 16,
  CALLX: 17,
  EXIT: 18,
} as const;

type ByIndex<T> = readonly (T | undefined)[];

export interface Translation {
  readonly kind: Uint8Array;
  /** Index of the low half of the register in the register file. */
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly offset: Int32Array;
  /** The immediate, its sign extended to 64 bits, in two halves. */
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  /** Bytes that a load, store or atomic operation touches. */
  readonly size: Uint8Array;
  /** Index of the instruction that a jump or local call goes to. */
  readonly target: Int32Array;
  readonly alu64: ByIndex<Alu64>;
  readonly alu32: ByIndex<Alu32>;
  readonly compare64: ByIndex<Compare64>;
  readonly compare32: ByIndex<Compare32>;
  readonly load: ByIndex<Load>;
  readonly store: ByIndex<Store>;
  readonly atomic: ByIndex<Atomic>;
  /** Slots at which a function of the program begins that its address was taken of, with their index. */
  readonly functions: ReadonlyMap<number, number>;
}

function kindOf(instruction: Instruction): number {
  const { opcode, src } = instruction;
  const x = (opcode & BPF_SOURCE.X) === 0 ? 0 : 1;
  switch (opcode) {
    case OPCODE.JA:
    case OPCODE.JA32:
      return KIND.GOTO;
    case OPCODE.LD_IMM64:
      return KIND.IMM64;
    case OPCODE.CALL:
      if (src === BPF_CALL.LOCAL) return KIND.CALL_LOCAL;
      return isTailCall(instruction) ? KIND.TAIL_CALL : KIND.CALL_HELPER;
    case OPCODE.CALLX:
      return KIND.CALLX;
    case OPCODE.EXIT:
      return KIND.EXIT;
  }
  switch (instructionClass(instruction)) {
    case BPF_CLASS.ALU64:
      return KIND.ALU64_K + x;
    case BPF_CLASS.ALU:
      // byte swaps use the source bit for the order, and work on all 64 bits
      return (opcode & 0xf0) === BPF_ALU.END ? KIND.ALU64_K : KIND.ALU32_K + x;
    case BPF_CLASS.JMP:
      return KIND.JUMP64_K + x;
    case BPF_CLASS.JMP32:
      return KIND.JUMP32_K + x;
    case BPF_CLASS.LDX:
      return KIND.LOAD;
    case BPF_CLASS.ST:
      return KIND.STORE_K;
    default:
      return (opcode & 0xe0) === BPF_MODE.ATOMIC ? KIND.ATOMIC : KIND.STORE_X;
  }
}

/** What an instruction loads or computes with, as 64 bits. A function's address is the slot of its first instruction. */
function immediate(instruction: Instruction): bigint {
  const { slot, imm, imm64 } = instruction;
  if (isReference(instruction)) {
    const words = 'it names a map or a variable, whose address only the loader knows: relocate the program first';
    refuseInstruction(slot, words);
  }
  if (imm64 !== undefined && instruction.src === BPF_IMM64.CODE_ADDR) return BigInt(functionTarget(instruction)!);
  return imm64 ?? BigInt(imm);
}

/** @throws KernelError EINVAL for what is no program, or has references that were not relocated */
export function translate(program: readonly Instruction[], memory: Memory): Translation {
  for (const instruction of program) checkInstruction(instruction);
  checkControlFlow(program);
  const operations = attachMemoryOperations(memory);
  const index = slotIndex(program);
  const kinds = program.map(kindOf);
  const immediates = program.map(immediate);
  const pick = <T>(wanted: readonly number[], make: (instruction: Instruction) => T): ByIndex<T> =>
    program.map((instruction, i) => (wanted.includes(kinds[i]!) ? make(instruction) : undefined));

  return {
    kind: Uint8Array.from(kinds),
    dst: Uint8Array.from(program, ({ dst }) => dst * 2),
    src: Uint8Array.from(program, ({ src }) => src * 2),
    offset: Int32Array.from(program, ({ offset }) => offset),
    lo: Int32Array.from(immediates, (value) => Number(BigInt.asIntN(32, value))),
    hi: Int32Array.from(immediates, (value) => Number(BigInt.asIntN(32, value >> 32n))),
    size: Uint8Array.from(program, ({ opcode }) => accessSize(opcode)),
    target: Int32Array.from(program, (instruction) => {
      const slot = jumpTarget(instruction) ?? functionTarget(instruction);
      return slot === undefined ? -1 : index[slot]!;
    }),
    alu64: pick([KIND.ALU64_K, KIND.ALU64_X], ({ opcode, offset, imm }) => alu64Operation(opcode, offset, imm)),
    alu32: pick([KIND.ALU32_K, KIND.ALU32_X], ({ opcode, offset }) => alu32Operation(opcode & 0xf0, offset)),
    compare64: pick([KIND.JUMP64_K, KIND.JUMP64_X], ({ opcode }) => compare64(opcode & 0xf0)),
    compare32: pick([KIND.JUMP32_K, KIND.JUMP32_X], ({ opcode }) => compare32(opcode & 0xf0)),
    load: pick([KIND.LOAD], operations.load),
    store: pick([KIND.STORE_K, KIND.STORE_X], operations.store),
    atomic: pick([KIND.ATOMIC], operations.atomic),
    functions: new Map(
      program
        .filter(({ opcode, src }) => opcode === OPCODE.LD_IMM64 && src === BPF_IMM64.CODE_ADDR)
        .map((instruction) => [functionTarget(instruction)!, index[functionTarget(instruction)!]!]),
    ),
  };
}
