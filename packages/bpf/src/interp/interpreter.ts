/**
 * The interpreter: runs a program exactly as RFC 9669 says, checks every access, and is what the compiler is compared
 * with. It is for being right; it does not know what the verifier has proved.
 *
 * Owner    one CPU. An interpreter holds the registers and the stack of one run: helpers must not run it again, but may
 *          call one of its functions back while it runs.
 * Memory   a pointer is a byte offset in the shared memory, as a 64-bit number whose upper half is zero. A program may
 *          touch the stack of the functions that are active, and what `mayAccess` allows; anything else is a fault.
 * Stack    512 bytes a function, eight functions deep, downwards from the end of the 4096 bytes at `stack`. It is not
 *          cleared; that r10 points to the caller's bytes from offset 0 on is the verifier's to refuse.
 * Calls    a local function has its own r6 to r9. After any call r1 to r5 keep what they had: no program may rely on
 *          it. callx takes the address that `code_addr` gave, which is the slot of the function.
 * Endings  exit of the first function, or a ProgramFault; what was written until then stays written.
 */
import type { Memory } from '@cpumap/smp';
import { disassembleInstruction } from '../asm/disassemble.ts';
import type { Instruction } from '../isa/instruction.ts';
import { FRAME_POINTER, OPCODE } from '../isa/opcodes.ts';
import { setWide } from './arithmetic.ts';
import { type FaultKind, ProgramFault } from './fault.ts';
import type { InterpreterHelper } from './interpreter-helper.ts';
import { observeCall, observeJumps, type RunObserver } from './observe.ts';
import { KIND, translate } from './translate.ts';

/** MAX_CALL_FRAMES and MAX_BPF_STACK of the kernel. */
const MAX_CALL_FRAMES = 8;
const FRAME_STACK = 512;

/** Bytes that `InterpreterSpec.stack` must have. */
export const INTERPRETER_STACK_SIZE = MAX_CALL_FRAMES * FRAME_STACK;

/** The kernel's bound for what the verifier follows; here for what a run executes. */
const DEFAULT_BUDGET = 1_000_000;

/**
 * bpf_tail_call: the low halves of r1 to r3, and where the stack of the next program may end. Returns what that program
 * returned, which ends the calling function with it, or TAIL_CALL_FAILED, and the program goes on.
 */
export type TailCall = (ctx: number, map: number, index: number, stackEnd: number) => number;

/** What TailCall returns when no program was run; no program's result is negative. */
export const TAIL_CALL_FAILED = -1;

/** Whether a program may touch `size` bytes at `address`. Its own stack is never asked about. */
export type RegionCheck = (address: number, size: number, write: boolean) => boolean;

export interface InterpreterSpec {
  readonly memory: Memory;
  /** Without references: see relocate. */
  readonly instructions: readonly Instruction[];
  /** INTERPRETER_STACK_SIZE bytes of the memory, at a multiple of 8. */
  readonly stack: number;
  readonly mayAccess: RegionCheck;
  /** By helper id. */
  readonly helpers?: Readonly<Record<number, InterpreterHelper>>;
  /** Kfuncs, by BTF id. */
  readonly kfuncs?: Readonly<Record<number, InterpreterHelper>>;
  /** Helper 12, which does not come back if it succeeds. */
  readonly tailCall?: TailCall;
  /** Instructions that a run may execute; by default a million. */
  readonly budget?: number;
  /** Told what decides the way of each run. */
  readonly observer?: RunObserver;
}

export interface Interpreter {
  /**
   * Runs with these in r1 and r2 and all other registers zero; its stack ends at `stackEnd`, by default where the spec's
   * does. Returns r0's low 32 bits, unsigned. @throws ProgramFault
   */
  run(r1: number, r2?: number, stackEnd?: number): number;
  /**
   * For helpers that the program called: runs the function that begins at a slot with these in r1 to r4, inside the
   * frame of the caller. Returns r0's low 32 bits, unsigned. @throws ProgramFault
   */
  callFunction(slot: number, r1: number, r2: number, r3: number, r4: number): number;
  /** All 64 bits of r0 after the last run, unsigned. */
  result(): bigint;
  /** Instructions that the last run executed, if it came to its end; the wide load counts once. */
  executed(): number;
}

/** @throws KernelError EINVAL for a program that is none */
export function createInterpreter(spec: InterpreterSpec): Interpreter {
  const { memory, instructions, stack, mayAccess, helpers = {}, kfuncs = {}, tailCall, budget = DEFAULT_BUDGET } = spec;
  const { observer } = spec;
  const translated = translate(instructions, memory);
  const program = observer === undefined ? translated : observeJumps(translated, instructions, observer);
  const { kind, dst, src, offset, lo, hi, size, target, alu64, alu32, compare64, compare32, load, store, atomic } =
    program;
  const callees = instructions.map((instruction) => {
    const { opcode, src: table, imm } = instruction;
    const callee = opcode === OPCODE.CALL ? (table === 0 ? helpers : kfuncs)[imm] : undefined;
    return callee === undefined || observer === undefined ? callee : observeCall(callee, instruction, observer);
  });
  const r = new Int32Array(2 * (FRAME_POINTER + 1));
  const r10 = 2 * FRAME_POINTER;
  let stackEnd = stack + INTERPRETER_STACK_SIZE;
  const returnTo = new Int32Array(MAX_CALL_FRAMES);
  const kept = new Int32Array(MAX_CALL_FRAMES * 8); // r6 to r9 of the callers
  let depth = 0;
  let executed = 0;
  let remaining = 0; // of the budget, while a helper runs
  let calling = 0; // the call that it is in

  function fault(faultKind: FaultKind, pc: number, what: string, address?: number): never {
    const instruction = instructions[pc]!;
    throw new ProgramFault(faultKind, instruction.slot, disassembleInstruction(instruction), what, address);
  }

  /** The address that an access goes to, if it may. */
  function checked(pc: number, base: number, write: boolean): number {
    // exact for every address that could be allowed
    const at = r[base + 1]! * 0x1_0000_0000 + (r[base]! >>> 0) + offset[pc]!;
    const end = at + size[pc]!;
    if (at >= r[r10]! - FRAME_STACK && end <= stackEnd) return at;
    if (at >= 0 && end <= memory.bytes && mayAccess(at, size[pc]!, write)) return at;
    const where = at < 0 ? `-0x${(-at).toString(16)}` : `0x${at.toString(16)}`;
    return fault(
      'access',
      pc,
      `${size[pc]} bytes at ${where} are not the program's to ${write ? 'write' : 'read'}`,
      at,
    );
  }

  function enter(pc: number, callee: number): number {
    if (depth + 1 === MAX_CALL_FRAMES) fault('call-depth', pc, `more than ${MAX_CALL_FRAMES} functions are active`);
    returnTo[depth] = pc + 1;
    kept.set(r.subarray(12, 20), depth * 8);
    depth++;
    r[r10] = r[r10]! - FRAME_STACK;
    return callee;
  }

  function leave(): number {
    depth--;
    r.set(kept.subarray(depth * 8, depth * 8 + 8), 12);
    r[r10] = r[r10]! + FRAME_STACK;
    return returnTo[depth]!;
  }

  function unknownHelper(pc: number): never {
    const name = src[pc] === 0 ? 'helper' : 'kfunc';
    return fault('unknown-helper', pc, `there is no ${name} ${lo[pc]} for this program`);
  }

  /** Whether another program took over and has ended. */
  function callNextProgram(pc: number): boolean {
    if (tailCall === undefined) return unknownHelper(pc);
    // the first function's frame is not needed any more; another's caller goes on with its own
    const below = depth === 0 ? stackEnd : r[r10]! - FRAME_STACK;
    observer?.tailCall(instructions[pc]!, r[4]!, r[6]!);
    const value = tailCall(r[2]!, r[4]!, r[6]!, below);
    if (value === TAIL_CALL_FAILED) return false;
    r[0] = value;
    r[1] = 0;
    return true;
  }

  function callHelper(pc: number): void {
    const helper = callees[pc] ?? unknownHelper(pc);
    calling = pc;
    const value = helper(r[2]!, r[4]!, r[6]!, r[8]!, r[10]!, r);
    if (typeof value === 'bigint') {
      setWide(r, 0, value);
    } else {
      r[0] = value;
      r[1] = Math.floor(value / 0x1_0000_0000);
    }
  }

  function functionAt(pc: number): number {
    const d = dst[pc]!;
    const found = r[d + 1] === 0 ? program.functions.get(r[d]!) : undefined;
    return found ?? fault('bad-call-target', pc, 'its register does not hold the address of a function');
  }

  /** From an instruction to the exit of the function that is active. */
  function execute(first: number): void {
    const outermost = depth;
    let pc = first;
    let left = remaining;
    for (;;) {
      if (left-- === 0) {
        fault('budget', pc, `${budget} instructions were executed and the program has not ended`);
      }
      const d = dst[pc]!;
      const s = src[pc]!;
      switch (kind[pc]) {
        case KIND.ALU64_K:
          alu64[pc]!(r, d, lo[pc]!, hi[pc]!);
          pc++;
          break;
        case KIND.ALU64_X:
          alu64[pc]!(r, d, r[s]!, r[s + 1]!);
          pc++;
          break;
        case KIND.ALU32_K:
          r[d] = alu32[pc]!(r[d]!, lo[pc]!);
          r[d + 1] = 0;
          pc++;
          break;
        case KIND.ALU32_X:
          r[d] = alu32[pc]!(r[d]!, r[s]!);
          r[d + 1] = 0;
          pc++;
          break;
        case KIND.JUMP64_K:
          pc = compare64[pc]!(r[d]!, r[d + 1]!, lo[pc]!, hi[pc]!) ? target[pc]! : pc + 1;
          break;
        case KIND.JUMP64_X:
          pc = compare64[pc]!(r[d]!, r[d + 1]!, r[s]!, r[s + 1]!) ? target[pc]! : pc + 1;
          break;
        case KIND.JUMP32_K:
          pc = compare32[pc]!(r[d]!, lo[pc]!) ? target[pc]! : pc + 1;
          break;
        case KIND.JUMP32_X:
          pc = compare32[pc]!(r[d]!, r[s]!) ? target[pc]! : pc + 1;
          break;
        case KIND.GOTO:
          pc = target[pc]!;
          break;
        case KIND.IMM64:
          r[d] = lo[pc]!;
          r[d + 1] = hi[pc]!;
          pc++;
          break;
        case KIND.LOAD:
          load[pc]!(r, d, checked(pc, s, false));
          pc++;
          break;
        case KIND.STORE_K:
          store[pc]!(checked(pc, d, true), lo[pc]!, hi[pc]!);
          pc++;
          break;
        case KIND.STORE_X:
          store[pc]!(checked(pc, d, true), r[s]!, r[s + 1]!);
          pc++;
          break;
        case KIND.ATOMIC: {
          const at = checked(pc, d, true);
          if (at % size[pc]! !== 0) fault('misaligned', pc, `0x${at.toString(16)} is no multiple of ${size[pc]}`, at);
          atomic[pc]!(r, s, at);
          pc++;
          break;
        }
        case KIND.CALL_HELPER:
          remaining = left;
          callHelper(pc);
          left = remaining;
          pc++;
          break;
        case KIND.TAIL_CALL:
          if (!callNextProgram(pc)) pc++;
          else if (depth === outermost) {
            remaining = left;
            return;
          } else pc = leave();
          break;
        case KIND.CALL_LOCAL:
          pc = enter(pc, target[pc]!);
          break;
        case KIND.CALLX:
          pc = enter(pc, functionAt(pc));
          break;
        default:
          if (depth === outermost) {
            remaining = left;
            return;
          }
          pc = leave();
      }
    }
  }

  return {
    run(r1, r2 = 0, end = stack + INTERPRETER_STACK_SIZE) {
      r.fill(0);
      r[2] = r1;
      r[4] = r2;
      stackEnd = end;
      r[r10] = stackEnd;
      depth = 0;
      executed = 0;
      remaining = budget;
      execute(0);
      executed = budget - remaining;
      return r[0]! >>> 0;
    },
    callFunction(slot, r1, r2, r3, r4) {
      const first = program.functions.get(slot);
      if (first === undefined) fault('bad-call-target', calling, `no function of the program begins at slot ${slot}`);
      enter(calling, first);
      r.set([r1, 0, r2, 0, r3, 0, r4, 0], 2);
      execute(first);
      leave();
      return r[0]! >>> 0;
    },
    result: () => (BigInt(r[1]! >>> 0) << 32n) | BigInt(r[0]! >>> 0),
    executed: () => executed,
  };
}
