/** Arithmetic and moves, of numbers and of pointers. */

import { ALU_SIGN } from '../asm/syntax.ts';
import type { Instruction } from '../isa/instruction.ts';
import { BPF_ALU, BPF_CLASS, BPF_SOURCE } from '../isa/opcodes.ts';
import { constant, markPrecise, numberOf, S64_MIN, type Scalar, unknown } from './scalar.ts';
import { arithmetic, lowBits, negate, signExtend, swapBytes, truncate } from './scalar-alu.ts';
import { pointerName } from './value-text.ts';
import { isPacket, isScalar, type Pointer, type Value } from './values.ts';
import { readRegister, type Verification, writeRegister } from './verification.ts';

/** BPF_MAX_VAR_OFF: pointers stay so near to where they began. */
const MAX_OFFSET = 1n << 29n;

function move(v: Verification, { dst, src, offset, imm, opcode }: Instruction, wide: boolean): void {
  if ((opcode & BPF_SOURCE.X) === 0) {
    writeRegister(v, dst, constant(wide ? BigInt(imm) : BigInt(imm >>> 0)));
    return;
  }
  const value = readRegister(v, src);
  if (!isScalar(value)) {
    // a part of a pointer, or one with its sign changed, is a number
    if (wide && offset === 0) writeRegister(v, dst, value);
    else writeRegister(v, dst, wide ? unknown() : truncate(unknown()));
    return;
  }
  if (offset !== 0) writeRegister(v, dst, signExtend(value, offset, wide));
  else writeRegister(v, dst, wide ? value : lowBits(value, 32));
}

/** What the operand of an arithmetic instruction is. */
function operandOf(v: Verification, { src, imm, opcode }: Instruction): Value {
  return (opcode & BPF_SOURCE.X) === 0 ? constant(BigInt(imm)) : readRegister(v, src);
}

function checkMovable(v: Verification, register: number, base: Pointer, by: Scalar): void {
  if (base.orNull) {
    v.fail(
      'EACCES',
      `R${register} pointer arithmetic on ${pointerName(base)} prohibited, null-check it first`,
      'compare the pointer with 0 first',
    );
  }
  if (base.kind === 'map' && by.isConst && by.value === 0n) return;
  if (base.kind === 'packet-end' || base.kind === 'map' || base.kind === 'func') {
    v.fail(
      'EACCES',
      `R${register} pointer arithmetic on ${pointerName(base)} prohibited`,
      'only pointers to memory can be moved',
    );
  }
}

/** mirrors check_reg_sane_offset: distances are small and known to be so */
function checkDistance(v: Verification, base: Pointer, by: Scalar): void {
  const name = pointerName(base);
  const hint = 'compare the number with a constant before it is added';
  if (by.isConst) {
    if (by.smin >= MAX_OFFSET || by.smin <= -MAX_OFFSET) {
      v.fail('EINVAL', `math between ${name} pointer and ${by.smin} is not allowed`, 'it would lead far away');
    }
    return;
  }
  if (by.smin === S64_MIN) {
    v.fail('EINVAL', `math between ${name} pointer and register with unbounded min value is not allowed`, hint);
  }
  if (by.smin >= MAX_OFFSET || by.smin <= -MAX_OFFSET) {
    v.fail('EINVAL', `value ${by.smin} makes ${name} pointer be out of bounds`, hint);
  }
}

/** base + by, or base - by. */
function moved(v: Verification, register: number, base: Pointer, by: Scalar, code: number): Pointer {
  checkMovable(v, register, base, by);
  checkDistance(v, base, by);
  markPrecise(by);
  if (code === BPF_ALU.SUB && base.kind === 'fp') {
    v.fail('EACCES', `R${register} subtraction from stack pointer prohibited`, 'add a negative number');
  }
  if (by.isConst) {
    const off = base.off + Number(code === BPF_ALU.ADD ? numberOf(by) : -numberOf(by));
    if (Math.abs(off) >= Number(MAX_OFFSET)) {
      v.fail('EINVAL', `${pointerName(base)} pointer offset ${off} is not allowed`, 'it would lead far away');
    }
    return { ...base, off };
  }
  const variable = arithmetic(code, base.variable ?? constant(0n), by, true);
  markPrecise(variable);
  checkDistance(v, base, variable);
  if (isPacket(base)) return { ...base, variable, id: v.newId(), range: 0 };
  return { ...base, variable };
}

/** An operator as the kernel's messages name it. */
function operator(code: number): string {
  return ALU_SIGN.get(code) ?? '';
}

function pointerArithmetic(v: Verification, instruction: Instruction, a: Value, b: Value, wide: boolean): Value {
  const { dst, opcode } = instruction;
  const code = opcode & 0xf0;
  if (!isScalar(a) && !isScalar(b)) {
    if (code === BPF_ALU.SUB) return wide ? unknown() : truncate(unknown());
    return v.fail('EACCES', `R${dst} pointer ${operator(code)} pointer prohibited`, 'pointers can only be subtracted');
  }
  if (!wide) {
    if (code === BPF_ALU.SUB && !isScalar(a)) return truncate(unknown());
    return v.fail('EACCES', `R${dst} 32-bit pointer arithmetic prohibited`, 'pointers have 64 bits: use r registers');
  }
  const base = isScalar(a) ? (b as Pointer) : a;
  const by = isScalar(a) ? a : (b as Scalar);
  if (code === BPF_ALU.ADD) return moved(v, dst, base, by, code);
  checkMovable(v, dst, base, by);
  if (code === BPF_ALU.SUB) {
    if (!isScalar(a)) return moved(v, dst, base, by, code);
    return v.fail('EACCES', `R${dst} tried to subtract pointer from scalar`, 'the result would mean nothing');
  }
  if (code === BPF_ALU.AND || code === BPF_ALU.OR || code === BPF_ALU.XOR) {
    return v.fail('EACCES', `R${dst} bitwise operator ${operator(code)} on pointer prohibited`, 'use a number');
  }
  return v.fail('EACCES', `R${dst} pointer arithmetic with ${operator(code)} operator prohibited`, 'use a number');
}

function binary(v: Verification, instruction: Instruction, wide: boolean): void {
  const { dst, opcode, imm } = instruction;
  const code = opcode & 0xf0;
  const b = operandOf(v, instruction);
  const a = readRegister(v, dst);
  if ((opcode & BPF_SOURCE.X) === 0) {
    if ((code === BPF_ALU.DIV || code === BPF_ALU.MOD) && imm === 0)
      v.fail('EINVAL', 'div by zero', 'use a number that is not 0');
    const isShift = code === BPF_ALU.LSH || code === BPF_ALU.RSH || code === BPF_ALU.ARSH;
    if (isShift && (imm < 0 || imm >= (wide ? 64 : 32))) {
      v.fail('EINVAL', `invalid shift ${imm}`, `a shift is by 0 to ${wide ? 63 : 31} bits`);
    }
  }
  if (isScalar(a) && isScalar(b)) {
    writeRegister(v, dst, arithmetic(code, a, b, wide));
    return;
  }
  writeRegister(v, dst, pointerArithmetic(v, instruction, a, b, wide));
}

/** ALU and ALU64. */
export function checkAlu(v: Verification, instruction: Instruction): void {
  const { dst, opcode, imm } = instruction;
  const wide = (opcode & 0x07) === BPF_CLASS.ALU64;
  const code = opcode & 0xf0;
  if (code === BPF_ALU.MOV) {
    move(v, instruction, wide);
    return;
  }
  if (code !== BPF_ALU.NEG && code !== BPF_ALU.END) {
    binary(v, instruction, wide);
    return;
  }
  const value = readRegister(v, dst);
  if (!isScalar(value)) writeRegister(v, dst, wide || imm === 64 ? unknown() : truncate(unknown()));
  else if (code === BPF_ALU.NEG) writeRegister(v, dst, negate(value, wide));
  else {
    // little-endian is the order that numbers have
    const isLittle = !wide && (opcode & BPF_SOURCE.X) === 0;
    writeRegister(v, dst, isLittle ? lowBits(value, imm) : swapBytes(value, imm));
  }
}
