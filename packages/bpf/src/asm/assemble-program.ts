/**
 * Programs as assembly text in which maps have names: `r1 = map(rx_cnt) ll` is a map, `r1 = map_value(cpus_count) ll` the
 * address of an array's only value. The assembler knows numbers in these places; the names go beside the instructions.
 */
import { checkControlFlow } from '../isa/control-flow.ts';
import type { Instruction } from '../isa/instruction.ts';
import type { MapReference, UnlinkedProgram } from '../isa/map-references.ts';
import { BPF_IMM64 } from '../isa/opcodes.ts';
import { isReference } from '../isa/relocate.ts';
import { assemble } from './assemble.ts';

const REFERENCE = /\b(map|map_value)\((\w+)\) ll/g;

/** @throws AssemblyError; KernelError EINVAL for jumps that leave the program */
export function assembleProgram(text: string): UnlinkedProgram {
  const names: string[] = [];
  const numbered = text.replace(REFERENCE, (_text, kind: string, name: string) => {
    const map = `map_by_fd(${names.push(name) - 1})`;
    return kind === 'map' ? `${map} ll` : `map_val(${map}) ll`;
  });
  const mapReferences: MapReference[] = [];
  const instructions = assemble(numbered).map((instruction): Instruction => {
    if (!isReference(instruction)) return instruction;
    const { slot, src, imm } = instruction;
    mapReferences.push({ slot, kind: src === BPF_IMM64.MAP_FD ? 'map' : 'map-value', target: names[imm]!, offset: 0 });
    return { ...instruction, imm: 0, imm64: 0n };
  });
  checkControlFlow(instructions);
  return { instructions, mapReferences };
}
