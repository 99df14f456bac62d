/**
 * Programs as bytes and as instructions: little-endian, 8 bytes a slot, each instruction checked both ways.
 *
 *   opcode u8 | dst: low, src: high 4 bits | offset s16 | imm s32        [ zeros | next imm s32 ] of a wide load
 */
import { KernelError } from '@cpumap/uapi';
import { checkInstruction } from './check.ts';
import { type Instruction, joinImm64, nextImm, slotCount } from './instruction.ts';
import { OPCODE } from './opcodes.ts';
import { refuseInstruction } from './refusal.ts';

const SLOT = 8;

/** @throws KernelError EINVAL: no program, half a slot, or an instruction that checkInstruction refuses */
export function decodeProgram(bytes: Uint8Array): Instruction[] {
  if (bytes.length === 0 || bytes.length % SLOT !== 0) {
    throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', {
      hint: `a program has at least 8 bytes and a multiple of 8, not ${bytes.length}`,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const slots = bytes.length / SLOT;
  const program: Instruction[] = [];
  for (let slot = 0; slot < slots; ) {
    const at = slot * SLOT;
    const opcode = view.getUint8(at);
    const registers = view.getUint8(at + 1);
    const narrow: Instruction = {
      slot,
      opcode,
      dst: registers & 0x0f,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    };
    const instruction = opcode === OPCODE.LD_IMM64 ? widen(view, narrow, slots) : narrow;
    checkInstruction(instruction);
    program.push(instruction);
    slot += slotCount(instruction);
  }
  return program;
}

function widen(view: DataView, first: Instruction, slots: number): Instruction {
  const { slot } = first;
  if (slot + 1 === slots)
    refuseInstruction(slot, 'a 64-bit immediate load takes two slots, and the program ends after one');
  const at = (slot + 1) * SLOT;
  if (view.getUint32(at, true) !== 0) {
    refuseInstruction(
      slot + 1,
      'the second slot of a 64-bit immediate load has nothing but its imm: the rest must be 0',
    );
  }
  return { ...first, imm64: joinImm64(first.imm, view.getInt32(at + 4, true)) };
}

/** The bytes that decodeProgram reads as these instructions. @throws KernelError EINVAL, also for slots with gaps */
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  const slots = program.reduce((sum, instruction) => sum + slotCount(instruction), 0);
  const bytes = new Uint8Array(slots * SLOT);
  const view = new DataView(bytes.buffer);
  let slot = 0;
  for (const instruction of program) {
    if (instruction.slot !== slot)
      refuseInstruction(slot, `here is an instruction that says it is at slot ${instruction.slot}`);
    checkInstruction(instruction);
    const at = slot * SLOT;
    view.setUint8(at, instruction.opcode);
    view.setUint8(at + 1, (instruction.src << 4) | instruction.dst);
    view.setInt16(at + 2, instruction.offset, true);
    view.setInt32(at + 4, instruction.imm, true);
    if (slotCount(instruction) === 2) view.setInt32(at + SLOT + 4, nextImm(instruction), true);
    slot += slotCount(instruction);
  }
  return bytes;
}
