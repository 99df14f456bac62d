/**
 * References become addresses: 64-bit immediate loads that name a map or a variable (src 1, 2, 3, 5, 6) are replaced by
 * plain ones. `code_addr` is the program's own and stays.
 */
import { type Instruction, joinImm64 } from './instruction.ts';
import { BPF_IMM64, OPCODE } from './opcodes.ts';

/** Whether it names something that only the loader knows the address of. */
export function isReference({ opcode, src }: Instruction): boolean {
  return opcode === OPCODE.LD_IMM64 && src !== BPF_IMM64.VALUE && src !== BPF_IMM64.CODE_ADDR;
}

/** A copy in which each reference is the address that `addressOf` gives for it. */
export function relocate(
  program: readonly Instruction[],
  addressOf: (reference: Instruction) => number,
): Instruction[] {
  return program.map((instruction) => {
    if (!isReference(instruction)) return instruction;
    const address = addressOf(instruction);
    return { ...instruction, src: BPF_IMM64.VALUE, imm: address | 0, imm64: joinImm64(address, 0) };
  });
}
