/** The arithmetic of the builder: one method for each operation, and one with 32 behind its name for the lower halves. */
import type { Instruction } from '../isa/instruction.ts';
import { BPF_ALU, BPF_CLASS, BPF_SOURCE } from '../isa/opcodes.ts';
import { registerNumber, second } from './builder-operands.ts';
import type { Operand, Register } from './registers.ts';

const BINARY = {
  mov: BPF_ALU.MOV,
  add: BPF_ALU.ADD,
  sub: BPF_ALU.SUB,
  mul: BPF_ALU.MUL,
  div: BPF_ALU.DIV,
  sdiv: BPF_ALU.DIV,
  mod: BPF_ALU.MOD,
  smod: BPF_ALU.MOD,
  or: BPF_ALU.OR,
  and: BPF_ALU.AND,
  xor: BPF_ALU.XOR,
  lsh: BPF_ALU.LSH,
  rsh: BPF_ALU.RSH,
  arsh: BPF_ALU.ARSH,
} as const;
type Binary = keyof typeof BINARY;

/** `add(r1, r2)`, `add(r1, 5)`, `add32(r1, r2)`: dst = dst OP src, and for mov dst = src. */
type BinaryMethods<B> = { [K in Binary | `${Binary}32`]: (dst: Register, src: Operand) => B };

export interface AluMethods<B> extends BinaryMethods<B> {
  /** dst = (s8, s16, s32) src, to 64 bits. */
  movsx(bits: 8 | 16 | 32, dst: Register, src: Register): B;
  /** dst = (s8, s16) src, to 32 bits. */
  movsx32(bits: 8 | 16, dst: Register, src: Register): B;
  neg(dst: Register): B;
  neg32(dst: Register): B;
  /** dst = its low bits, as network order has them. */
  be(bits: 16 | 32 | 64, dst: Register): B;
  /** dst = its low bits. */
  le(bits: 16 | 32 | 64, dst: Register): B;
  bswap(bits: 16 | 32 | 64, dst: Register): B;
}

type Emit<B> = (opcode: number, fields: Partial<Omit<Instruction, 'slot' | 'opcode'>>) => B;

export function aluMethods<B>(emit: Emit<B>, slot: () => number): AluMethods<B> {
  const binary = (name: Binary, bits: 32 | 64) => {
    const code = BINARY[name] | (bits === 64 ? BPF_CLASS.ALU64 : BPF_CLASS.ALU);
    const offset = name === 'sdiv' || name === 'smod' ? 1 : 0;
    return (dst: Register, operand: Operand): B => {
      const { source, src, imm } = second(slot(), operand, bits);
      return emit(code | source, { dst: registerNumber(dst), src, offset, imm });
    };
  };
  const methods = Object.fromEntries(
    (Object.keys(BINARY) as Binary[]).flatMap((name) => [
      [name, binary(name, 64)],
      [`${name}32`, binary(name, 32)],
    ]),
  ) as BinaryMethods<B>;
  const extend =
    (kind: number) =>
    (offset: number, dst: Register, src: Register): B =>
      emit(kind | BPF_ALU.MOV | BPF_SOURCE.X, { dst: registerNumber(dst), src: registerNumber(src), offset });
  const swap =
    (opcode: number) =>
    (imm: number, dst: Register): B =>
      emit(opcode | BPF_ALU.END, { dst: registerNumber(dst), imm });

  return {
    ...methods,
    movsx: extend(BPF_CLASS.ALU64),
    movsx32: extend(BPF_CLASS.ALU),
    neg: (dst) => emit(BPF_CLASS.ALU64 | BPF_ALU.NEG, { dst: registerNumber(dst) }),
    neg32: (dst) => emit(BPF_CLASS.ALU | BPF_ALU.NEG, { dst: registerNumber(dst) }),
    be: swap(BPF_CLASS.ALU | BPF_SOURCE.X),
    le: swap(BPF_CLASS.ALU),
    bswap: swap(BPF_CLASS.ALU64),
  };
}
