/**
 * Accesses that need no guard because it is plain to see where they go: to the context or the function's own stack, at
 * a distance that is the same on every path. That is most of what compilers write, and it is all that is found out
 * here; ranges, packets and map values are the verifier's.
 *
 * A register is followed as "context + n" or "own r10 + n" through moves and additions of constants. Whatever else is
 * done to it, or where paths disagree, it is unknown.
 */
import type { Instruction } from '../isa/instruction.ts';
import {
  accessSize,
  BPF_ALU,
  BPF_ATOMIC,
  BPF_CLASS,
  BPF_MODE,
  BPF_SOURCE,
  FRAME_POINTER,
  OPCODE,
} from '../isa/opcodes.ts';
import { reversePostOrder } from './flow-graph.ts';
import { FRAME_STACK } from './frame.ts';
import type { ContextSpec } from './guard.ts';
import type { Subprogram } from './subprograms.ts';

/** A register's origin as one number: the base, in units far apart, plus the distance. */
const UNKNOWN = 0;
const CONTEXT = 1 << 24;
const STACK = 2 << 24;
/** Distances beyond it are unknown, so that bases do not run into each other. */
const FAR = 1 << 20;

const MOVE = BPF_CLASS.ALU64 | BPF_ALU.MOV | BPF_SOURCE.X;
const ADD = BPF_CLASS.ALU64 | BPF_ALU.ADD | BPF_SOURCE.K;

function baseOf(origin: number): number {
  return (origin + (1 << 23)) & -(1 << 24);
}

function moved(origin: number, by: number): number {
  const distance = origin - baseOf(origin) + by;
  return origin === UNKNOWN || Math.abs(distance) > FAR ? UNKNOWN : baseOf(origin) + distance;
}

/** What the registers are after an instruction. Calls leave all registers but r0 alone, as locals are the function's. */
function step(registers: Int32Array, { opcode, dst, src, offset, imm }: Instruction): void {
  const kind = opcode & 0x07;
  if (opcode === MOVE && offset === 0) registers[dst] = registers[src]!;
  else if (opcode === ADD) registers[dst] = moved(registers[dst]!, imm);
  else if (kind === BPF_CLASS.ALU || kind === BPF_CLASS.ALU64 || kind === BPF_CLASS.LDX || kind === BPF_CLASS.LD) {
    registers[dst] = UNKNOWN;
  } else if (kind === BPF_CLASS.STX && (opcode & 0xe0) === BPF_MODE.ATOMIC) {
    if (imm === BPF_ATOMIC.CMPXCHG) registers[0] = UNKNOWN;
    else if ((imm & BPF_ATOMIC.FETCH) !== 0) registers[src] = UNKNOWN;
  } else if (opcode === OPCODE.CALL || opcode === OPCODE.CALLX) {
    registers[0] = UNKNOWN;
  }
}

function isInside(registers: Int32Array, instruction: Instruction, context: ContextSpec | undefined): boolean {
  const { opcode, dst, src, offset } = instruction;
  const kind = opcode & 0x07;
  const reads = kind === BPF_CLASS.LDX;
  if (!reads && kind !== BPF_CLASS.ST && kind !== BPF_CLASS.STX) return false;
  const origin = registers[reads ? src : dst]!;
  if (origin === UNKNOWN) return false;
  const from = origin - baseOf(origin) + offset;
  const to = from + accessSize(opcode);
  if (baseOf(origin) === STACK) return from >= -FRAME_STACK && to <= 0;
  return from >= 0 && to <= (context?.size ?? 0) && (reads || context?.writable === true);
}

/** The slots of such accesses. `hasContext` says that r1 is the context where the function begins. */
export function plainAccesses(
  part: Subprogram,
  context: ContextSpec | undefined,
  hasContext: boolean,
): ReadonlySet<number> {
  const order = reversePostOrder(part);
  const before: (Int32Array | undefined)[] = part.blocks.map(() => undefined);
  const entry = new Int32Array(FRAME_POINTER + 1);
  entry[FRAME_POINTER] = STACK;
  if (hasContext) entry[1] = CONTEXT;
  before[0] = entry;

  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order) {
      const registers = before[node]!.slice();
      for (const instruction of part.blocks[node]!) step(registers, instruction);
      for (const next of part.successors[node]!) {
        const known = before[next];
        if (known === undefined) {
          before[next] = registers.slice();
          changed = true;
          continue;
        }
        for (const [i, origin] of registers.entries()) {
          if (known[i] === origin || known[i] === UNKNOWN) continue;
          known[i] = UNKNOWN;
          changed = true;
        }
      }
    }
  }

  const found = new Set<number>();
  for (const node of order) {
    const registers = before[node]!;
    for (const instruction of part.blocks[node]!) {
      if (isInside(registers, instruction, context)) found.add(instruction.slot);
      step(registers, instruction);
    }
  }
  return found;
}
