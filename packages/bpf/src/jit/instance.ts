/**
 * A compiled program on one CPU.
 *
 * Owner    that CPU. An instance holds the registers and the stack of one run: helpers must not run it again.
 * Faults   do not throw: `run` returns FAULTED, which is no value of r0, and `fault` says why. The module returns
 *          through its functions as from any other; only building the ProgramFault, if one asks, costs microseconds.
 *          What the program wrote until then stays written. What a helper throws is not caught.
 */
import type { Memory } from '@cpumap/smp';
import { KernelError } from '@cpumap/uapi';
import { disassembleInstruction } from '../asm/disassemble.ts';
import { type FaultKind, ProgramFault } from '../interp/fault.ts';
import { TAIL_CALL_FAILED, type TailCall } from '../interp/interpreter.ts';
import type { CompiledProgram } from './compile.ts';
import { FAULT_KINDS, JIT_STACK_SIZE } from './frame.ts';
import { ownFunction } from './own-function.ts';
import { type JitHelper, TAIL_CALL_NAME } from './signatures.ts';
import { IMPORT_MODULE } from './wasm-encoder.ts';

export { JIT_STACK_SIZE } from './frame.ts';

/** What `run` returns for a program that was ended; the caller's XDP_ABORTED. */
export const FAULTED = -1;

export interface InstanceSpec {
  readonly memory: Memory;
  /** JIT_STACK_SIZE bytes of the memory, at a multiple of 8, that no other program uses while this one runs. */
  readonly stack: number;
  /** A list of writeRegionList; 0 for none. */
  readonly regions?: number;
  /** By helper id, of the types of its signature. */
  readonly helpers?: Readonly<Record<number, JitHelper>>;
  readonly kfuncs?: Readonly<Record<number, JitHelper>>;
  /** Helper 12. A call of it when there is none is a failed one. */
  readonly tailCall?: TailCall;
  /** For inlined helpers: the CPU's number, and an address of its own. */
  readonly cpu?: number;
  readonly percpu?: number;
}

export interface JitInstance {
  /**
   * Runs with these in r1, the context, and r2; its stack ends at `stackEnd`, by default where the spec's does. Returns
   * r0's low 32 bits, unsigned, or FAULTED.
   */
  run(r1: number, r2?: number, stackEnd?: number): number;
  /**
   * For helpers that the program called: runs the function that begins at a slot with these in r1 to r4, inside the
   * frame of the caller. Returns r0's low 32 bits, or 1 when the function faulted; the program ends then.
   */
  callFunction(slot: number, r1: number, r2: number, r3: number, r4: number): number;
  /** All 64 bits of r0 after the last run, unsigned. */
  result(): bigint;
  /** What ended the last run that returned FAULTED. */
  fault(): ProgramFault | undefined;
}

interface Exports {
  readonly run: (r1: number, r2: number, stackEnd: number) => number;
  readonly callback?: (slot: number, r1: number, r2: number, r3: number, r4: number) => number;
  readonly result: WebAssembly.Global;
}

const WORDS: Readonly<Record<FaultKind, string>> = {
  access: "the address is not the program's",
  misaligned: 'the address of an atomic operation must be a multiple of its size',
  'unknown-helper': 'there is no such helper or kfunc for this program',
  'bad-call-target': 'its register does not hold the address of a function',
  'call-depth': 'more than 8 functions are active',
  budget: 'the instructions that a run may execute are used up and the program has not ended',
};

/** @throws KernelError EINVAL when a helper is missing that the program was compiled to call */
export function instantiateProgram(program: CompiledProgram, spec: InstanceSpec): JitInstance {
  const { memory, stack, regions = 0, helpers = {}, kfuncs = {}, cpu = 0, percpu = 0 } = spec;
  const ownEnd = stack + JIT_STACK_SIZE;
  const state = { pending: false, faulted: false };
  let last = { code: 0, slot: 0, lo: 0, hi: 0 };
  const imports: Record<string, WebAssembly.ImportValue> = {
    memory: memory.wasm,
    regions: new WebAssembly.Global({ value: 'i32' }, regions),
    cpu: new WebAssembly.Global({ value: 'i32' }, cpu),
    percpu: new WebAssembly.Global({ value: 'i32' }, percpu),
    [TAIL_CALL_NAME]: spec.tailCall ?? (() => TAIL_CALL_FAILED),
    fault(code: number, slot: number, lo: number, hi: number) {
      state.pending = true;
      last = { code, slot, lo, hi };
    },
  };
  const give = (kind: string, ids: readonly number[], table: Readonly<Record<number, JitHelper>>): void => {
    for (const id of ids) {
      const helper = table[id];
      if (helper === undefined) {
        throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', {
          hint: `the program was compiled to call ${kind} ${id}, and this instance was given none`,
        });
      }
      imports[`${kind}.${id}`] = helper as WebAssembly.ImportValue;
    }
  };
  give('helper', program.imports.helpers, helpers);
  give('kfunc', program.imports.kfuncs, kfuncs);
  const instance = new WebAssembly.Instance(program.module, { [IMPORT_MODULE]: imports });
  const { run, callback, result } = instance.exports as unknown as Exports;

  return {
    run: ownFunction<JitInstance['run']>(
      `(r1, r2 = 0, stackEnd = ownEnd) => {
        const r0 = run(r1, r2, stackEnd);
        if (!state.pending) return r0 >>> 0;
        state.pending = false;
        state.faulted = true;
        return FAULTED;
      }`,
      { run, ownEnd, state, FAULTED },
    ),
    callFunction(slot, r1, r2, r3, r4) {
      if (callback === undefined) throw new RangeError('the program has no function whose address it takes');
      return callback(slot, r1, r2, r3, r4) >>> 0;
    },
    result: () => BigInt.asUintN(64, result.value as bigint),
    fault() {
      if (!state.faulted) return undefined;
      const { code, slot, lo, hi } = last;
      const kind = FAULT_KINDS[code]!;
      const text = disassembleInstruction(program.instructions.find((one) => one.slot === slot)!);
      const address = kind === 'access' || kind === 'misaligned' ? hi * 0x1_0000_0000 + (lo >>> 0) : undefined;
      const where = address === undefined ? '' : ` (${address < 0 ? '-' : ''}0x${Math.abs(address).toString(16)})`;
      return new ProgramFault(kind, slot, text, WORDS[kind] + where, address);
    },
  };
}
