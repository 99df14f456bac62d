/**
 * Calls: of helpers and kfuncs, of the program's own functions, of the next program, and back from helpers.
 *
 * A call that ended in a fault shows in GLOBAL.faulted, as functions return 0 then; helpers cannot fault, but functions
 * that they call back can. The budget goes through a global wherever other functions of the program may spend of it.
 */
import { type Instruction, isTailCall } from '../isa/instruction.ts';
import { BPF_CALL, FRAME_POINTER } from '../isa/opcodes.ts';
import { emitFault, emitFaultNote, emitPacketBounds, type GuardOptions } from './emit-memory.ts';
import { CALLBACK_TYPE, FRAME_STACK, faultCode, GLOBAL, LOCAL, MAX_CALL_FRAMES, register } from './frame.ts';
import { type HelperSignature, paramsOf } from './signatures.ts';
import { type FunctionBody, WasmWriter } from './wasm-encoder.ts';
import { I64_TRUNC_SAT_F64_S, NO_RESULT, OP, PREFIX_MISC } from './wasm-opcodes.ts';

export interface Callee {
  readonly index: number;
  readonly signature: HelperSignature;
}

/** Where the code of a helper is put in place of a call. It must leave r0 on the stack. */
export interface CallSite {
  readonly w: WasmWriter;
  /** Local of r1 to r5, i64. */
  readonly argument: (n: 1 | 2 | 3 | 4 | 5) => number;
  /** Locals for its own use, i32. */
  readonly scratch: readonly [number, number, number];
  /** Globals: the CPU's number, and the address that the instance was given for inlined helpers. */
  readonly cpu: number;
  readonly percpu: number;
  /** Calls the helper after all, and leaves r0. */
  readonly callHelper: () => void;
}

export type InlineHelper = (site: CallSite) => void;

export interface CallContext {
  readonly guard: GuardOptions;
  /** Index of the function that begins at a slot. */
  readonly functionAt: ReadonlyMap<number, number>;
  /** Slots of the functions that callx, or a helper, may reach. */
  readonly addressed: ReadonlySet<number>;
  /** The helper or kfunc that an instruction calls, if there is one. */
  readonly calleeOf: (instruction: Instruction) => Callee | undefined;
  readonly inline: (slot: number) => InlineHelper | undefined;
  /** Index of the import for bpf_tail_call. */
  readonly tailCallIndex: number | undefined;
}

/** Leaves on the stack whether a function that is called from the frame at hand would be the ninth. */
function isDeepest(w: WasmWriter): void {
  w.global(GLOBAL.stackEnd).op(OP.i32Sub);
  w.i32(-(MAX_CALL_FRAMES - 1) * FRAME_STACK).op(OP.i32Eq);
}

export function attachCalls(w: WasmWriter, context: CallContext, sizes: ReadonlySet<number>) {
  const { guard, functionAt, addressed, calleeOf, inline } = context;

  function returnIfFaulted(): void {
    w.global(GLOBAL.faulted).if().i64(0).op(OP.return, OP.end);
  }

  function callImport({ index, signature }: Callee): void {
    for (const [i, type] of paramsOf(signature).entries()) {
      w.get(register(i + 1));
      if (type !== 'i64') w.op(OP.i32WrapI64);
      if (type === 'halves')
        w.get(register(i + 1))
          .i64(32)
          .op(OP.i64ShrU, OP.i32WrapI64);
    }
    w.call(index);
    const { result = 'i32' } = signature;
    if (result === 'i32') w.op(OP.i64ExtendI32S);
    else if (result === 'u32') w.op(OP.i64ExtendI32U);
    else if (result === 'f64') w.op(PREFIX_MISC, I64_TRUNC_SAT_F64_S);
  }

  function emitHelperCall(instruction: Instruction): void {
    const callee = calleeOf(instruction);
    if (callee === undefined) {
      emitFault(w, faultCode('unknown-helper'), instruction.slot);
      return;
    }
    const { keepsPacket = false, callsBack = false } = callee.signature;
    if (callsBack) {
      w.get(register(FRAME_POINTER)).op(OP.i32WrapI64).setGlobal(GLOBAL.frame);
      w.get(LOCAL.budget).setGlobal(GLOBAL.budget);
    }
    const emit = inline(instruction.slot);
    if (emit === undefined) callImport(callee);
    else {
      emit({
        w,
        argument: register,
        scratch: LOCAL.scratch,
        cpu: GLOBAL.cpu,
        percpu: GLOBAL.percpu,
        callHelper: () => callImport(callee),
      });
    }
    w.set(register(0));
    if (callsBack) {
      returnIfFaulted();
      w.global(GLOBAL.budget).set(LOCAL.budget);
    }
    if (!keepsPacket) emitPacketBounds(w, guard, sizes);
  }

  function emitLocalCall(slot: number, index: number): void {
    w.get(register(FRAME_POINTER)).op(OP.i32WrapI64);
    isDeepest(w);
    w.if();
    emitFault(w, faultCode('call-depth'), slot);
    w.op(OP.end).get(LOCAL.budget).setGlobal(GLOBAL.budget);
    for (let i = 1; i <= 5; i++) w.get(register(i));
    w.get(register(FRAME_POINTER)).i64(FRAME_STACK).op(OP.i64Sub).call(index).set(register(0));
    returnIfFaulted();
    w.global(GLOBAL.budget).set(LOCAL.budget);
    emitPacketBounds(w, guard, sizes);
  }

  /** What it returns if it succeeds is what the calling function returns. */
  function emitTailCall(index: number): void {
    for (let i = 1; i <= 3; i++) w.get(register(i)).op(OP.i32WrapI64);
    // the first function's frame is not needed any more; another's caller goes on with its own
    w.global(GLOBAL.stackEnd).get(register(FRAME_POINTER)).op(OP.i32WrapI64).i32(FRAME_STACK).op(OP.i32Sub);
    w.get(register(FRAME_POINTER)).op(OP.i32WrapI64).global(GLOBAL.stackEnd).op(OP.i32Eq, OP.select);
    w.get(LOCAL.budget).setGlobal(GLOBAL.budget);
    w.call(index).op(PREFIX_MISC, I64_TRUNC_SAT_F64_S).tee(register(0));
    w.i64(0).op(OP.i64GeS).if().get(register(0)).op(OP.return, OP.end);
    emitPacketBounds(w, guard, sizes);
  }

  return {
    emitCall(instruction: Instruction): void {
      const { slot, src, imm } = instruction;
      const { tailCallIndex } = context;
      if (src === BPF_CALL.LOCAL) emitLocalCall(slot, functionAt.get(slot + 1 + imm)!);
      else if (isTailCall(instruction) && tailCallIndex !== undefined) emitTailCall(tailCallIndex);
      else emitHelperCall(instruction);
    },

    emitCallx({ slot, dst }: Instruction): void {
      w.op(OP.block, NO_RESULT);
      for (const target of addressed) {
        w.get(register(dst)).i64(target).op(OP.i64Eq).if();
        emitLocalCall(slot, functionAt.get(target)!);
        w.op(OP.br).u32(1).op(OP.end);
      }
      emitFault(w, faultCode('bad-call-target'), slot);
      w.op(OP.end);
    },
  };
}

/**
 * (slot of the function, r1 to r4) -> low half of r0: what a helper calls. After a fault it answers 1, which ends loops.
 * `slot` is where its own faults are said to be.
 */
export function callbackFunction({ functionAt, addressed }: CallContext, slot: number): FunctionBody {
  const w = new WasmWriter();
  const FRAME = 5;
  const RESULT = 6;
  const fault = (kind: 'call-depth' | 'bad-call-target'): void => {
    emitFaultNote(w, faultCode(kind), slot);
    w.i32(1).op(OP.return);
  };
  w.global(GLOBAL.frame).tee(FRAME);
  isDeepest(w);
  w.if();
  fault('call-depth');
  w.op(OP.end);
  for (const target of addressed) {
    w.get(0).i32(target).op(OP.i32Eq).if();
    for (let i = 1; i <= 4; i++) w.get(i).op(OP.i64ExtendI32U);
    w.i64(0).get(FRAME).i32(FRAME_STACK).op(OP.i32Sub, OP.i64ExtendI32U);
    w.call(functionAt.get(target)!).op(OP.i32WrapI64).set(RESULT);
    w.get(FRAME).setGlobal(GLOBAL.frame); // it may have called such a helper itself
    w.i32(1).get(RESULT).global(GLOBAL.faulted).op(OP.select, OP.return, OP.end);
  }
  fault('bad-call-target');
  return { type: CALLBACK_TYPE, locals: ['i32', 'i32'], code: w };
}
