/**
 * Whether an instruction is one of RFC 9669: a known opcode, registers that exist, and zero in every field that the
 * opcode does not use. Nothing about the program around it; see control-flow.ts for that.
 *
 * One rule is the verifier's everywhere but is about the field alone, so it is here: nothing writes r10.
 */
import { type Instruction, nextImm } from './instruction.ts';
import {
  accessSize,
  BPF_ALU,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CLASS,
  BPF_IMM64,
  BPF_JMP,
  BPF_MODE,
  BPF_SIZE,
  BPF_SOURCE,
  FRAME_POINTER,
  OPCODE,
} from './opcodes.ts';
import { refuseInstruction } from './refusal.ts';

const FIELD = { dst: 'its destination register', src: 'its source register', offset: 'its offset', imm: 'its imm' };
type Field = keyof typeof FIELD;

const ATOMICS: ReadonlySet<number> = new Set([
  ...[BPF_ATOMIC.ADD, BPF_ATOMIC.OR, BPF_ATOMIC.AND, BPF_ATOMIC.XOR].flatMap((op) => [op, op | BPF_ATOMIC.FETCH]),
  BPF_ATOMIC.XCHG,
  BPF_ATOMIC.CMPXCHG,
]);

/** Opcodes of Linux that the RFC does not have, so that the answer says what was met. */
const STRANGERS: Readonly<Record<number, string>> = { 229: 'may_goto of Linux 6.9' };

function hex(n: number): string {
  return `0x${(n >>> 0).toString(16).padStart(2, '0')}`;
}

function unknown({ slot, opcode }: Instruction): never {
  const stranger = STRANGERS[opcode];
  refuseInstruction(slot, `opcode ${hex(opcode)} is no instruction${stranger === undefined ? '' : `: ${stranger}`}`);
}

function writesDst({ slot, dst }: Instruction): void {
  if (dst === FRAME_POINTER) refuseInstruction(slot, 'r10 is the frame pointer: programs read it and never write it');
}

function checkEndian(instruction: Instruction): Field[] {
  const { slot, imm, opcode } = instruction;
  if ((opcode & 0x07) === BPF_CLASS.ALU64 && (opcode & BPF_SOURCE.X) !== 0) unknown(instruction);
  if (imm !== 16 && imm !== 32 && imm !== 64) {
    refuseInstruction(slot, `bytes of ${imm} bits cannot be swapped: use 16, 32 or 64`);
  }
  return ['src', 'offset'];
}

function checkMove(instruction: Instruction): Field[] {
  const { slot, opcode, offset } = instruction;
  const fromRegister = (opcode & BPF_SOURCE.X) !== 0;
  if (!fromRegister || offset === 0) return ['offset', fromRegister ? 'imm' : 'src'];
  const widest = (opcode & 0x07) === BPF_CLASS.ALU64 ? 32 : 16;
  if (offset !== 8 && offset !== 16 && offset !== widest) {
    refuseInstruction(slot, `a move cannot extend the sign of ${offset} bits: 8, 16 or, to 64 bits, 32`);
  }
  return ['imm'];
}

function checkAlu(instruction: Instruction): Field[] {
  const { slot, opcode, offset } = instruction;
  const code = opcode & 0xf0;
  const fromRegister = (opcode & BPF_SOURCE.X) !== 0;
  if (code > BPF_ALU.END) unknown(instruction);
  if (code === BPF_ALU.NEG && fromRegister) unknown(instruction);
  writesDst(instruction);
  if (code === BPF_ALU.END) return checkEndian(instruction);
  if (code === BPF_ALU.MOV) return checkMove(instruction);
  if (code === BPF_ALU.NEG) return ['src', 'offset', 'imm'];
  const second = fromRegister ? 'imm' : 'src';
  if (code !== BPF_ALU.DIV && code !== BPF_ALU.MOD) return [second, 'offset'];
  if (offset !== 0 && offset !== 1) {
    refuseInstruction(slot, `the offset of a division is 0, unsigned, or 1, signed, not ${offset}`);
  }
  return [second];
}

function checkCall(instruction: Instruction): Field[] {
  const { slot, src } = instruction;
  // the offset of a kfunc call picks the module whose BTF the id is of
  if (src === BPF_CALL.HELPER || src === BPF_CALL.LOCAL) return ['dst', 'offset'];
  if (src !== BPF_CALL.KFUNC) {
    refuseInstruction(slot, `a call's source register is 0, 1 or 2 (helper, local, kfunc), not ${src}`);
  }
  return ['dst'];
}

function checkJump(instruction: Instruction): Field[] {
  const { opcode } = instruction;
  const code = opcode & 0xf0;
  if (code > BPF_JMP.JSLE) unknown(instruction);
  switch (opcode) {
    case OPCODE.JA:
      return ['dst', 'src', 'imm'];
    case OPCODE.JA32:
      return ['dst', 'src', 'offset'];
    case OPCODE.CALL:
      return checkCall(instruction);
    case OPCODE.CALLX:
      return ['src', 'offset', 'imm'];
    case OPCODE.EXIT:
      return ['dst', 'src', 'offset', 'imm'];
  }
  if (code === BPF_JMP.JA || code === BPF_JMP.CALL || code === BPF_JMP.EXIT) unknown(instruction);
  return [(opcode & BPF_SOURCE.X) !== 0 ? 'imm' : 'src'];
}

function checkImm64(instruction: Instruction): Field[] {
  const { slot, opcode, src, imm, imm64 } = instruction;
  const mode = opcode & 0xe0;
  if ((mode === BPF_MODE.ABS || mode === BPF_MODE.IND) && (opcode & 0x18) !== BPF_SIZE.DW) {
    const name = mode === BPF_MODE.ABS ? 'LD_ABS' : 'LD_IND';
    refuseInstruction(slot, `${name} is a packet load of classic BPF, which works on sk_buffs alone: read xdp_md.data`);
  }
  if (opcode !== OPCODE.LD_IMM64) unknown(instruction);
  writesDst(instruction);
  if (imm64 === undefined) refuseInstruction(slot, 'a 64-bit immediate load without imm64');
  if (BigInt.asIntN(32, imm64) !== BigInt(imm)) refuseInstruction(slot, 'imm must be the low half of imm64');
  if (src > BPF_IMM64.MAP_IDX_VALUE) {
    refuseInstruction(slot, `the source register of a 64-bit immediate load is 0 to 6, not ${src}`);
  }
  const both = src === BPF_IMM64.VALUE || src === BPF_IMM64.MAP_VALUE || src === BPF_IMM64.MAP_IDX_VALUE;
  if (!both && nextImm(instruction) !== 0) {
    refuseInstruction(slot, `a 64-bit immediate load of kind ${src} does not use its second imm: it must be 0`);
  }
  return ['offset'];
}

function checkStore(instruction: Instruction): Field[] {
  const { slot, opcode, imm, src } = instruction;
  if ((opcode & 0xe0) === BPF_MODE.MEM) return ['imm'];
  if ((opcode & 0xe0) !== BPF_MODE.ATOMIC || accessSize(opcode) < 4) unknown(instruction);
  if (!ATOMICS.has(imm)) refuseInstruction(slot, `${hex(imm)} is no atomic operation`);
  if ((imm & BPF_ATOMIC.FETCH) !== 0 && imm !== BPF_ATOMIC.CMPXCHG && src === FRAME_POINTER) {
    refuseInstruction(slot, 'r10 is the frame pointer: it cannot take the value that was in memory');
  }
  return [];
}

function checkLoad(instruction: Instruction): Field[] {
  const mode = instruction.opcode & 0xe0;
  const signed = mode === BPF_MODE.MEMSX && accessSize(instruction.opcode) < 8;
  if (mode !== BPF_MODE.MEM && !signed) unknown(instruction);
  writesDst(instruction);
  return ['imm'];
}

/** What each check returns is the fields that the instruction does not use. */
function unusedFields(instruction: Instruction): Field[] {
  switch (instruction.opcode & 0x07) {
    case BPF_CLASS.ALU:
    case BPF_CLASS.ALU64:
      return checkAlu(instruction);
    case BPF_CLASS.JMP:
    case BPF_CLASS.JMP32:
      return checkJump(instruction);
    case BPF_CLASS.LD:
      return checkImm64(instruction);
    case BPF_CLASS.LDX:
      return checkLoad(instruction);
    case BPF_CLASS.STX:
      return checkStore(instruction);
    default:
      if ((instruction.opcode & 0xe0) !== BPF_MODE.MEM) unknown(instruction);
      return ['src'];
  }
}

function checkRanges({ slot, opcode, dst, src, offset, imm }: Instruction): void {
  const bounds = [
    ['opcode', opcode, 0, 0xff],
    ['dst', dst, 0, 15],
    ['src', src, 0, 15],
    ['offset', offset, -0x8000, 0x7fff],
    ['imm', imm, -0x80000000, 0x7fffffff],
  ] as const;
  for (const [name, value, min, max] of bounds) {
    if (Number.isInteger(value) && value >= min && value <= max) continue;
    refuseInstruction(slot, `${name} is ${value}: a whole number from ${min} to ${max} was expected`);
  }
}

/** @throws KernelError EINVAL whose hint begins with the slot */
export function checkInstruction(instruction: Instruction): void {
  checkRanges(instruction);
  const { slot, opcode, dst, src } = instruction;
  if (dst > FRAME_POINTER || src > FRAME_POINTER) {
    refuseInstruction(slot, `register r${dst > FRAME_POINTER ? dst : src}: there are r0 to r10`);
  }
  for (const field of unusedFields(instruction)) {
    const value = instruction[field];
    if (value !== 0)
      refuseInstruction(slot, `opcode ${hex(opcode)} does not use ${FIELD[field]}, which is ${value}: it must be 0`);
  }
}
