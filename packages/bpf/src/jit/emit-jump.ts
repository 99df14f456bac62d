/** Conditions of jumps: an i32 on the stack that is not 0 if the jump is taken. */
import type { Instruction } from '../isa/instruction.ts';
import { BPF_CLASS, BPF_JMP, BPF_SOURCE } from '../isa/opcodes.ts';
import { register } from './frame.ts';
import type { WasmWriter } from './wasm-encoder.ts';
import { OP } from './wasm-opcodes.ts';

const COMPARE: ReadonlyMap<number, { w64: number; w32: number }> = new Map([
  [BPF_JMP.JEQ, { w64: OP.i64Eq, w32: OP.i32Eq }],
  [BPF_JMP.JNE, { w64: OP.i64Ne, w32: OP.i32Ne }],
  [BPF_JMP.JGT, { w64: OP.i64GtU, w32: OP.i32GtU }],
  [BPF_JMP.JGE, { w64: OP.i64GeU, w32: OP.i32GeU }],
  [BPF_JMP.JLT, { w64: OP.i64LtU, w32: OP.i32LtU }],
  [BPF_JMP.JLE, { w64: OP.i64LeU, w32: OP.i32LeU }],
  [BPF_JMP.JSGT, { w64: OP.i64GtS, w32: OP.i32GtS }],
  [BPF_JMP.JSGE, { w64: OP.i64GeS, w32: OP.i32GeS }],
  [BPF_JMP.JSLT, { w64: OP.i64LtS, w32: OP.i32LtS }],
  [BPF_JMP.JSLE, { w64: OP.i64LeS, w32: OP.i32LeS }],
]);

export function emitCondition(w: WasmWriter, { opcode, dst, src, imm }: Instruction): void {
  const wide = (opcode & 0x07) === BPF_CLASS.JMP;
  const half = (n: number): void => {
    w.get(register(n));
    if (!wide) w.op(OP.i32WrapI64);
  };
  half(dst);
  if ((opcode & BPF_SOURCE.X) !== 0) half(src);
  else if (wide) w.i64(imm);
  else w.i32(imm);
  const compare = COMPARE.get(opcode & 0xf0);
  if (compare !== undefined) w.op(wide ? compare.w64 : compare.w32);
  else if (wide)
    w.op(OP.i64And).i64(0).op(OP.i64Ne); // jset
  else w.op(OP.i32And);
}
