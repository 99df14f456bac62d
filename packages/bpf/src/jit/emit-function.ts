/**
 * One function of a program as one function of the module: its blocks in structured order.
 *
 * Every block charges the budget with its instructions; whether the budget is used up is looked at where a loop begins
 * and where a function begins, as nothing else can run for long. Programs without either are not charged.
 */
import { type Instruction, isConditionalJump } from '../isa/instruction.ts';
import { BPF_CLASS, BPF_IMM64, OPCODE } from '../isa/opcodes.ts';
import { emitAlu } from './emit-alu.ts';
import { attachCalls, type CallContext } from './emit-call.ts';
import { emitCondition } from './emit-jump.ts';
import { emitFault, emitMemory, emitPacketBounds, packetAccessSize } from './emit-memory.ts';
import { faultCode, GLOBAL, LOCAL, LOCAL_TYPES, register, SUBPROGRAM_TYPE } from './frame.ts';
import type { Structured } from './structure.ts';
import type { Subprogram } from './subprograms.ts';
import { type FunctionBody, WasmWriter } from './wasm-encoder.ts';
import { NO_RESULT, OP } from './wasm-opcodes.ts';

export interface ModuleContext extends CallContext {
  /** Whether the budget is counted. */
  readonly metered: boolean;
}

export function emitFunction(part: Subprogram, { ops, added }: Structured, module: ModuleContext): FunctionBody {
  const { guard, metered } = module;
  const w = new WasmWriter();
  const sizes = new Set<number>();
  for (const block of part.blocks) {
    for (const instruction of block) {
      const size = packetAccessSize(instruction, guard);
      if (size !== undefined) sizes.add(size);
    }
  }

  function checkBudget(slot: number): void {
    w.get(LOCAL.budget).i32(0).op(OP.i32LtS).if();
    emitFault(w, faultCode('budget'), slot);
    w.op(OP.end);
  }

  const calls = attachCalls(w, module, sizes);

  function emitInstruction(instruction: Instruction): void {
    const { slot, opcode, dst, src, imm, imm64 } = instruction;
    const kind = opcode & 0x07;
    if (kind === BPF_CLASS.ALU || kind === BPF_CLASS.ALU64) {
      emitAlu(w, instruction);
    } else if (opcode === OPCODE.LD_IMM64) {
      w.i64(src === BPF_IMM64.CODE_ADDR ? slot + 1 + imm : imm64!).set(register(dst));
    } else if (opcode === OPCODE.CALL) {
      calls.emitCall(instruction);
    } else if (opcode === OPCODE.CALLX) {
      calls.emitCallx(instruction);
    } else if (opcode === OPCODE.EXIT) {
      if (metered) w.get(LOCAL.budget).setGlobal(GLOBAL.budget);
      w.get(register(0)).op(OP.return);
    } else if (kind !== BPF_CLASS.JMP && kind !== BPF_CLASS.JMP32) {
      emitMemory(w, instruction, guard);
    }
  }

  function emitNode(node: number, beginsLoop: boolean): void {
    const extra = added[node - part.blocks.length];
    if (extra?.kind === 'selector') w.i32(extra.choice).set(LOCAL.choice);
    const block = part.blocks[node] ?? [];
    const slot = block[0]?.slot ?? part.slot;
    if (metered && block.length > 0) w.get(LOCAL.budget).i32(block.length).op(OP.i32Sub).set(LOCAL.budget);
    if (beginsLoop) checkBudget(slot);
    for (const instruction of block) emitInstruction(instruction);
    const last = block.at(-1);
    if (last !== undefined && part.successors[node]!.length === 2 && isConditionalJump(last)) emitCondition(w, last);
  }

  if (metered) {
    w.global(GLOBAL.budget).set(LOCAL.budget);
    checkBudget(part.slot);
  }
  emitPacketBounds(w, guard, sizes);
  for (const [i, op] of ops.entries()) {
    switch (op.op) {
      case 'block':
        w.op(OP.block, NO_RESULT);
        break;
      case 'loop':
        w.op(OP.loop, NO_RESULT);
        break;
      case 'if':
        w.if();
        break;
      case 'end':
        w.op(OP.end);
        break;
      case 'br':
        w.op(OP.br).u32(op.depth);
        break;
      case 'brIf':
        w.op(OP.brIf).u32(op.depth);
        break;
      case 'brTable': {
        w.get(LOCAL.choice)
          .op(OP.brTable)
          .u32(op.depths.length - 1); // the last one is the default
        for (const depth of op.depths) w.u32(depth);
        break;
      }
      case 'node': {
        // the blocks that a loop's first node opens stand between the two
        let before = i - 1;
        while (ops[before]?.op === 'block') before--;
        emitNode(op.node, ops[before]?.op === 'loop');
      }
    }
  }
  w.op(OP.unreachable);
  return { type: SUBPROGRAM_TYPE, locals: LOCAL_TYPES, code: w };
}
