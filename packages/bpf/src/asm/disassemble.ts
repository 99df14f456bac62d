/**
 * Instructions as text, as `llvm-objdump -d` writes it. The assembler reads all of it back.
 *
 * Where LLVM's text does not tell two instructions apart this one does: local calls are `call pc+0x3` as in the kernel's
 * log, kfunc calls `call kfunc(0x33)`, references to maps and variables have the RFC's names (see syntax.ts).
 */
import { type Instruction, instructionClass, nextImm } from '../isa/instruction.ts';
import { BPF_ALU, BPF_ATOMIC, BPF_CALL, BPF_CLASS, BPF_IMM64, BPF_MODE, OPCODE } from '../isa/opcodes.ts';
import {
  ALU_SIGN,
  ATOMIC_SIGN,
  ATOMIC_WORD,
  inverse,
  JUMP_SIGN,
  REFERENCE_WORD,
  SIZE_BITS,
  VALUE_KIND,
} from './syntax.ts';

export interface DisassembleOptions {
  /**
   * Writes loads and stores of up to 32 bits with w registers, as `llvm-objdump --mcpu=v3` does; without it as
   * `--mcpu=v1`, with r registers. The bytes are the same.
   */
  readonly alu32?: boolean;
}

const MAP_KIND = inverse(VALUE_KIND);

function hex(n: number | bigint): string {
  return n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`;
}

function signed(n: number): string {
  return n < 0 ? hex(n) : `+${hex(n)}`;
}

function plus(left: string, offset: number): string {
  return `${left} ${offset < 0 ? '-' : '+'} ${hex(Math.abs(offset))}`;
}

function address(register: number, offset: number): string {
  return plus(`r${register}`, offset);
}

function alu({ opcode, dst, src, offset, imm }: Instruction): string {
  const wide = (opcode & 0x07) === BPF_CLASS.ALU64;
  const register = wide ? 'r' : 'w';
  const left = `${register}${dst}`;
  const code = opcode & 0xf0;
  const fromRegister = (opcode & 0x08) !== 0;
  if (code === BPF_ALU.NEG) return `${left} = -${left}`;
  if (code === BPF_ALU.END) return `r${dst} = ${wide ? 'bswap' : fromRegister ? 'be' : 'le'}${imm} r${dst}`;
  const right = fromRegister ? `${register}${src}` : hex(imm);
  if (code === BPF_ALU.MOV) return `${left} = ${offset === 0 ? '' : `(s${offset})`}${right}`;
  return `${left} ${offset === 1 ? 's' : ''}${ALU_SIGN.get(code)} ${right}`;
}

function jump({ opcode, dst, src, offset, imm }: Instruction): string {
  const register = (opcode & 0x07) === BPF_CLASS.JMP ? 'r' : 'w';
  const right = (opcode & 0x08) !== 0 ? `${register}${src}` : hex(imm);
  switch (opcode) {
    case OPCODE.JA:
      return `goto ${signed(offset)}`;
    case OPCODE.JA32:
      return `gotol ${signed(imm)}`;
    case OPCODE.EXIT:
      return 'exit';
    case OPCODE.CALLX:
      return `callx r${dst}`;
    case OPCODE.CALL:
      if (src === BPF_CALL.LOCAL) return `call pc${signed(imm)}`;
      if (src === BPF_CALL.KFUNC) return `call kfunc(${hex(imm)}${offset === 0 ? '' : `, ${hex(offset)}`})`;
      return `call ${hex(imm)}`;
    default:
      return `if ${register}${dst} ${JUMP_SIGN.get(opcode & 0xf0)} ${right} goto ${signed(offset)}`;
  }
}

function imm64(instruction: Instruction): string {
  const { dst, src, imm } = instruction;
  if (src === BPF_IMM64.VALUE) return `r${dst} = ${hex(BigInt.asIntN(64, instruction.imm64 ?? 0n))} ll`;
  const map = MAP_KIND.get(src);
  const name = `${REFERENCE_WORD.get(map ?? src)}(${hex(imm)})`;
  return `r${dst} = ${map === undefined ? name : plus(`map_val(${name})`, nextImm(instruction))} ll`;
}

function atomic({ opcode, dst, src, offset, imm }: Instruction): string {
  const bits = SIZE_BITS.get(opcode & 0x18);
  const r = bits === 64 ? 'r' : 'w';
  const where = address(dst, offset);
  const suffix = bits === 64 ? '_64' : '32_32';
  if (imm === BPF_ATOMIC.XCHG) return `${r}${src} = xchg${suffix}(${where}, ${r}${src})`;
  if (imm === BPF_ATOMIC.CMPXCHG) return `${r}0 = cmpxchg${suffix}(${where}, ${r}0, ${r}${src})`;
  if ((imm & BPF_ATOMIC.FETCH) === 0) return `lock *(u${bits} *)(${where}) ${ATOMIC_SIGN.get(imm)} ${r}${src}`;
  const word = ATOMIC_WORD.get(imm & ~BPF_ATOMIC.FETCH);
  return `${r}${src} = atomic_fetch_${word}((u${bits} *)(${where}), ${r}${src})`;
}

function memory(instruction: Instruction, alu32: boolean): string {
  const { opcode, dst, src, offset, imm } = instruction;
  const bits = SIZE_BITS.get(opcode & 0x18);
  const mode = opcode & 0xe0;
  // sign-extending loads fill all 64 bits, whatever the processor
  const r = alu32 && bits !== 64 && mode === BPF_MODE.MEM ? 'w' : 'r';
  switch (instructionClass(instruction)) {
    case BPF_CLASS.LD:
      return imm64(instruction);
    case BPF_CLASS.LDX:
      return `${r}${dst} = *(${mode === BPF_MODE.MEMSX ? 's' : 'u'}${bits} *)(${address(src, offset)})`;
    case BPF_CLASS.ST:
      return `*(u${bits} *)(${address(dst, offset)}) = ${hex(imm)}`;
    default:
      if (mode === BPF_MODE.ATOMIC) return atomic(instruction);
      return `*(u${bits} *)(${address(dst, offset)}) = ${r}${src}`;
  }
}

/** One instruction, which must be one that the decoder accepts. */
export function disassembleInstruction(instruction: Instruction, { alu32 = false }: DisassembleOptions = {}): string {
  switch (instructionClass(instruction)) {
    case BPF_CLASS.ALU:
    case BPF_CLASS.ALU64:
      return alu(instruction);
    case BPF_CLASS.JMP:
    case BPF_CLASS.JMP32:
      return jump(instruction);
    default:
      return memory(instruction, alu32);
  }
}

/** A program, one instruction a line. */
export function disassemble(program: readonly Instruction[], options?: DisassembleOptions): string {
  return program.map((instruction) => `${disassembleInstruction(instruction, options)}\n`).join('');
}
