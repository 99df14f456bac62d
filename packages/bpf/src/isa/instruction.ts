/**
 * One BPF instruction as plain data, and the questions that everyone who reads a program asks about one.
 *
 * A program is an array of these in the order of their slots. A slot is 8 bytes; the 64-bit immediate load takes two,
 * so an instruction's index in the array is not its slot. Offsets of jumps and calls count slots.
 */
import { BPF_FUNC } from '@cpumap/uapi';
import { BPF_CALL, BPF_CLASS, BPF_IMM64, BPF_JMP, OPCODE } from './opcodes.ts';

export interface Instruction {
  /** Position in the program, in units of 8 bytes. */
  readonly slot: number;
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** Signed, 16 bits. */
  readonly offset: number;
  /** Signed, 32 bits; of a 64-bit immediate the low half. */
  readonly imm: number;
  /** Only of the instruction that takes two slots: both halves, unsigned. */
  readonly imm64?: bigint;
}

export function instructionClass({ opcode }: Instruction): number {
  return opcode & 0x07;
}

/** How many slots it takes. */
export function slotCount({ opcode }: Instruction): 1 | 2 {
  return opcode === OPCODE.LD_IMM64 ? 2 : 1;
}

/** The second half of a 64-bit immediate, signed: the offset in a map's value, for those that name one. */
export function nextImm({ imm64 }: Instruction): number {
  return imm64 === undefined ? 0 : Number(BigInt.asIntN(32, imm64 >> 32n));
}

/** Both halves of a 64-bit immediate as the one number of `Instruction.imm64`. */
export function joinImm64(imm: number, next: number): bigint {
  return (BigInt(next >>> 0) << 32n) | BigInt(imm >>> 0);
}

/** Whether it is a jump that is taken only if a comparison holds. */
export function isConditionalJump({ opcode }: Instruction): boolean {
  const kind = opcode & 0x07;
  const code = opcode & 0xf0;
  if (kind !== BPF_CLASS.JMP && kind !== BPF_CLASS.JMP32) return false;
  return code !== BPF_JMP.JA && code !== BPF_JMP.CALL && code !== BPF_JMP.EXIT;
}

/** The slot that a jump goes to if it is taken; undefined for everything that is not a jump. */
export function jumpTarget(instruction: Instruction): number | undefined {
  const { slot, opcode, offset, imm } = instruction;
  if (opcode === OPCODE.JA32) return slot + 1 + imm;
  if (opcode === OPCODE.JA || isConditionalJump(instruction)) return slot + 1 + offset;
  return undefined;
}

/** The first slot of the function that it calls or takes the address of; undefined if it names none. */
export function functionTarget({ slot, opcode, src, imm }: Instruction): number | undefined {
  if (opcode === OPCODE.CALL && src === BPF_CALL.LOCAL) return slot + 1 + imm;
  // the kernel counts from the next slot although that is the second half of this instruction
  if (opcode === OPCODE.LD_IMM64 && src === BPF_IMM64.CODE_ADDR) return slot + 1 + imm;
  return undefined;
}

/** Whether it is the call that ends the program, if it succeeds, and runs another. */
export function isTailCall({ opcode, src, imm }: Instruction): boolean {
  return opcode === OPCODE.CALL && src === BPF_CALL.HELPER && imm === BPF_FUNC.tail_call;
}
