/**
 * Whether control stays inside a program: every jump and every function begins at an instruction, and nothing runs past
 * the end. It is what the kernel checks before it follows any path, so interpreter and compiler may rely on it.
 */
import { KernelError } from '@cpumap/uapi';
import { functionTarget, type Instruction, jumpTarget, slotCount } from './instruction.ts';
import { OPCODE } from './opcodes.ts';
import { refuseInstruction } from './refusal.ts';

/** For each slot the index of the instruction that begins there, -1 in the middle of one. */
export function slotIndex(program: readonly Instruction[]): Int32Array {
  const last = program[program.length - 1];
  const index = new Int32Array(last === undefined ? 0 : last.slot + slotCount(last)).fill(-1);
  for (const [i, { slot }] of program.entries()) index[slot] = i;
  return index;
}

/** @throws KernelError EINVAL */
export function checkControlFlow(program: readonly Instruction[]): void {
  const last = program[program.length - 1];
  if (last === undefined) {
    throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', { hint: 'a program has at least one instruction' });
  }
  const index = slotIndex(program);
  for (const instruction of program) {
    const target = jumpTarget(instruction) ?? functionTarget(instruction);
    if (target === undefined) continue;
    const at = index[target];
    if (at === undefined) {
      refuseInstruction(instruction.slot, `it goes to slot ${target}, outside the program of ${index.length} slots`);
    }
    if (at < 0)
      refuseInstruction(instruction.slot, `it goes to slot ${target}, the second half of a 64-bit immediate load`);
  }
  const { opcode } = last;
  if (opcode !== OPCODE.EXIT && opcode !== OPCODE.JA && opcode !== OPCODE.JA32) {
    refuseInstruction(last.slot, 'the program runs past its end: its last instruction must be exit or goto');
  }
}
