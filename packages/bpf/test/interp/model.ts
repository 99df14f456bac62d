/**
 * The arithmetic and the jumps of RFC 9669 a second time, on BigInts and as close to the RFC's words as possible, to
 * compare the interpreter with. No memory, no calls.
 */
import { type Instruction, jumpTarget } from '../../src/isa/instruction.ts';
import { BPF_ALU, BPF_CLASS, BPF_JMP, OPCODE } from '../../src/isa/opcodes.ts';

const u = BigInt.asUintN;
const s = BigInt.asIntN;

function swap(bits: number, value: bigint): bigint {
  let out = 0n;
  for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((value >> BigInt(i)) & 0xffn);
  return out;
}

function alu({ opcode, offset, imm }: Instruction, bits: number, a: bigint, b: bigint): bigint {
  const shift = b & BigInt(bits - 1);
  const signed = offset === 1;
  switch (opcode & 0xf0) {
    case BPF_ALU.ADD:
      return a + b;
    case BPF_ALU.SUB:
      return a - b;
    case BPF_ALU.MUL:
      return a * b;
    case BPF_ALU.DIV:
      if (b === 0n) return 0n;
      return signed ? s(bits, a) / s(bits, b) : a / b;
    case BPF_ALU.OR:
      return a | b;
    case BPF_ALU.AND:
      return a & b;
    case BPF_ALU.LSH:
      return a << shift;
    case BPF_ALU.RSH:
      return a >> shift;
    case BPF_ALU.NEG:
      return -a;
    case BPF_ALU.MOD:
      if (b === 0n) return a;
      return signed ? s(bits, a) % s(bits, b) : a % b;
    case BPF_ALU.XOR:
      return a ^ b;
    case BPF_ALU.MOV:
      return offset === 0 ? b : s(offset, b);
    case BPF_ALU.ARSH:
      return s(bits, a) >> shift;
    default:
      throw new Error(`no model of END ${imm}`);
  }
}

function end({ opcode, imm }: Instruction, value: bigint): bigint {
  const toLittle = (opcode & 0x0f) === BPF_CLASS.ALU;
  return toLittle ? u(imm, value) : swap(imm, value);
}

function taken(code: number, bits: number, a: bigint, b: bigint): boolean {
  const [sa, sb] = [s(bits, a), s(bits, b)];
  switch (code) {
    case BPF_JMP.JEQ:
      return a === b;
    case BPF_JMP.JGT:
      return a > b;
    case BPF_JMP.JGE:
      return a >= b;
    case BPF_JMP.JSET:
      return (a & b) !== 0n;
    case BPF_JMP.JNE:
      return a !== b;
    case BPF_JMP.JSGT:
      return sa > sb;
    case BPF_JMP.JSGE:
      return sa >= sb;
    case BPF_JMP.JLT:
      return a < b;
    case BPF_JMP.JLE:
      return a <= b;
    case BPF_JMP.JSLT:
      return sa < sb;
    default:
      return sa <= sb;
  }
}

/** r0 at exit. `frame` is what r10 holds. */
export function modelRun(program: readonly Instruction[], frame: bigint): bigint {
  const r: bigint[] = Array.from({ length: 11 }, () => 0n);
  r[10] = frame;
  for (let i = 0; ; i++) {
    const instruction = program[i]!;
    const { opcode, dst, src, imm } = instruction;
    if (opcode === OPCODE.EXIT) return r[0]!;
    if (opcode === OPCODE.LD_IMM64) {
      r[dst] = instruction.imm64!;
      continue;
    }
    const kind = opcode & 0x07;
    const bits = kind === BPF_CLASS.ALU64 || kind === BPF_CLASS.JMP ? 64 : 32;
    const a = u(bits, r[dst]!);
    const b = u(bits, (opcode & 0x08) !== 0 ? r[src]! : BigInt(imm));
    if (kind === BPF_CLASS.ALU || kind === BPF_CLASS.ALU64) {
      r[dst] = (opcode & 0xf0) === BPF_ALU.END ? end(instruction, r[dst]!) : u(bits, alu(instruction, bits, a, b));
      continue;
    }
    const goes = opcode === OPCODE.JA || opcode === OPCODE.JA32 || taken(opcode & 0xf0, bits, a, b);
    const target = jumpTarget(instruction)!;
    if (goes) i = program.findIndex(({ slot }) => slot === target) - 1;
  }
}
