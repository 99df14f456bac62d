/**
 * A program as functions of basic blocks. A function is what can be reached by jumps from slot 0, from the target of a
 * local call, or from an address that `code_addr` takes; functions may share instructions, which are compiled for each.
 */
import { KernelError } from '@cpumap/uapi';
import { slotIndex } from '../isa/control-flow.ts';
import { functionTarget, type Instruction, isConditionalJump, jumpTarget } from '../isa/instruction.ts';
import { OPCODE } from '../isa/opcodes.ts';
import type { FlowGraph } from './flow-graph.ts';

/** BPF_MAX_SUBPROGS of the kernel. */
const MAX_SUBPROGRAMS = 256;

export interface Subprogram extends FlowGraph {
  readonly slot: number;
  /** The instructions of each node of the graph; node 0 is empty and goes to the first. */
  readonly blocks: readonly (readonly Instruction[])[];
}

/** The first is the one at slot 0. The program must have passed checkControlFlow. @throws KernelError E2BIG */
export function subprograms(program: readonly Instruction[]): Subprogram[] {
  const index = slotIndex(program);
  const starts = new Set([0]);
  for (const instruction of program) {
    const target = functionTarget(instruction);
    if (target !== undefined) starts.add(target);
  }
  if (starts.size > MAX_SUBPROGRAMS) {
    throw new KernelError('E2BIG', 'bpf(BPF_PROG_LOAD)', {
      hint: `the program has ${starts.size} functions, and ${MAX_SUBPROGRAMS} are the most`,
    });
  }
  const leaders = new Set([0]);
  for (const [i, instruction] of program.entries()) {
    const target = jumpTarget(instruction);
    if (target !== undefined) leaders.add(index[target]!);
    if (target !== undefined || instruction.opcode === OPCODE.EXIT) leaders.add(i + 1);
  }
  for (const slot of starts) leaders.add(index[slot]!);

  return [...starts].map((slot) => subprogram(program, index, leaders, slot));
}

function subprogram(
  program: readonly Instruction[],
  index: Int32Array,
  leaders: ReadonlySet<number>,
  slot: number,
): Subprogram {
  const nodeOf = new Map<number, number>();
  const first: number[] = [];
  const node = (i: number): number => {
    let known = nodeOf.get(i);
    if (known === undefined) {
      known = first.push(i); // node 0 is the empty one
      nodeOf.set(i, known);
    }
    return known;
  };
  const blocks: Instruction[][] = [[]];
  const successors: number[][] = [[node(index[slot]!)]];
  for (let n = 0; n < first.length; n++) {
    const from = first[n]!;
    let to = from + 1;
    while (!leaders.has(to)) to++;
    const last = program[to - 1]!;
    blocks.push(program.slice(from, to));
    const target = jumpTarget(last);
    const ways: number[] = [];
    if (target === undefined ? last.opcode !== OPCODE.EXIT : isConditionalJump(last)) ways.push(node(to));
    if (target !== undefined) {
      const taken = node(index[target]!);
      if (taken !== ways[0]) ways.push(taken); // a jump to where it goes anyway is no branch
    }
    successors.push(ways);
  }
  return { slot, blocks, successors };
}
