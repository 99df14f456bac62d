/**
 * Which registers are read before they are written, from each instruction on: the others do not matter when states are
 * compared. The classic analysis, backwards, one function at a time; a register is a bit.
 */

import type { HelperPrototype } from '../helpers/prototypes.ts';
import { type Instruction, isConditionalJump, jumpTarget, slotCount } from '../isa/instruction.ts';
import { BPF_ALU, BPF_ATOMIC, BPF_CLASS, BPF_MODE, BPF_SOURCE, OPCODE } from '../isa/opcodes.ts';
import { isLocalCall, type ProgramShape, type Subprogram } from './program-shape.ts';

interface Effect {
  readonly reads: number;
  readonly writes: number;
}

const ARGUMENTS = 0b11_1110;
const CLOBBERED = 0b11_1111;

const bit = (register: number): number => 1 << register;

function aluEffect({ opcode, dst, src }: Instruction): Effect {
  const code = opcode & 0xf0;
  const fromRegister = (opcode & BPF_SOURCE.X) !== 0 && code !== BPF_ALU.END;
  const source = fromRegister ? bit(src) : 0;
  return { reads: code === BPF_ALU.MOV ? source : source | bit(dst), writes: bit(dst) };
}

function callEffect(instruction: Instruction, prototypes: ReadonlyMap<number, HelperPrototype>): Effect {
  if (isLocalCall(instruction)) return { reads: ARGUMENTS, writes: CLOBBERED };
  const count = prototypes.get(instruction.imm)?.args.length ?? 5;
  return { reads: ((1 << (count + 1)) - 1) & ARGUMENTS, writes: CLOBBERED };
}

function effectOf(instruction: Instruction, prototypes: ReadonlyMap<number, HelperPrototype>): Effect {
  const { opcode, dst, src, imm } = instruction;
  switch (opcode & 0x07) {
    case BPF_CLASS.ALU:
    case BPF_CLASS.ALU64:
      return aluEffect(instruction);
    case BPF_CLASS.LDX:
      return { reads: bit(src), writes: bit(dst) };
    case BPF_CLASS.ST:
      return { reads: bit(dst), writes: 0 };
    case BPF_CLASS.STX: {
      const operands = bit(dst) | bit(src);
      if ((opcode & 0xe0) !== BPF_MODE.ATOMIC) return { reads: operands, writes: 0 };
      if (imm === BPF_ATOMIC.CMPXCHG) return { reads: operands | 1, writes: 1 };
      return { reads: operands, writes: (imm & BPF_ATOMIC.FETCH) === 0 ? 0 : bit(src) };
    }
    case BPF_CLASS.LD:
      return { reads: 0, writes: bit(dst) };
    default:
      if (opcode === OPCODE.CALL) return callEffect(instruction, prototypes);
      if (opcode === OPCODE.EXIT) return { reads: 1, writes: 0 };
      if (!isConditionalJump(instruction)) return { reads: 0, writes: 0 };
      return { reads: bit(dst) | ((opcode & BPF_SOURCE.X) === 0 ? 0 : bit(src)), writes: 0 };
  }
}

function analyse(
  { at }: ProgramShape,
  { start, end }: Subprogram,
  prototypes: ReadonlyMap<number, HelperPrototype>,
  live: Uint16Array,
): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (let slot = end - 1; slot >= start; slot--) {
      const instruction = at[slot];
      if (instruction === undefined) continue;
      let after = 0;
      const target = jumpTarget(instruction);
      if (target !== undefined) after |= live[target]!;
      const fallsThrough = target === undefined ? instruction.opcode !== OPCODE.EXIT : isConditionalJump(instruction);
      if (fallsThrough) after |= live[slot + slotCount(instruction)]!;
      const { reads, writes } = effectOf(instruction, prototypes);
      const before = (after & ~writes) | reads;
      if (before === live[slot]) continue;
      live[slot] = before;
      changed = true;
    }
  }
}

/** By slot. */
export function liveRegisters(shape: ProgramShape, prototypes: ReadonlyMap<number, HelperPrototype>): Uint16Array {
  const live = new Uint16Array(shape.slots + 1);
  for (const subprogram of shape.subprograms) analyse(shape, subprogram, prototypes, live);
  return live;
}
