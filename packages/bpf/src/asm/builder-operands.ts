/** The operands of the builder as fields of an instruction. */

import { BPF_SOURCE } from '../isa/opcodes.ts';
import { refuseInstruction } from '../isa/refusal.ts';
import type { Operand, Register } from './registers.ts';

export function isRegister(operand: Operand): operand is Register {
  return typeof operand === 'string';
}

export function registerNumber(register: Register): number {
  return Number(register.slice(1));
}

/**
 * The second operand: which source bit, register and imm it is. Numbers beyond 0x7fffffff are for 32-bit operations
 * alone: in a 64-bit one the sign would be extended, and another number come out. @throws KernelError EINVAL
 */
export function second(slot: number, operand: Operand, bits: 32 | 64): { source: number; src: number; imm: number } {
  if (isRegister(operand)) return { source: BPF_SOURCE.X, src: registerNumber(operand), imm: 0 };
  const max = bits === 32 ? 0xffffffff : 0x7fffffff;
  if (!Number.isInteger(operand) || operand < -0x80000000 || operand > max) {
    refuseInstruction(
      slot,
      `${operand} is no immediate: whole numbers from -2147483648 to ${max} are, load64 has the rest`,
    );
  }
  return { source: BPF_SOURCE.K, src: 0, imm: operand | 0 };
}
