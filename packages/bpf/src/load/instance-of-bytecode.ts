/**
 * A bytecode program on one CPU: its helpers bound, its stack given, and what happens when it goes wrong.
 *
 * Owner    that CPU. All programs that can be each other's next program (bpf_tail_call) share one stack area, as only the
 *          one that runs last needs its frames. A program may be its own next program.
 * Faults   are thrown as a ProgramFault, after giving back the lock and the ring buffer records that the run still held:
 *          whoever runs programs counts a throw as XDP_ABORTED.
 */
import type { Memory } from '@cpumap/smp';
import { BPF_FUNC } from '@cpumap/uapi';
import { attachCallbackHelpers } from '../helpers/callback-helpers.ts';
import { type HelperTable, interpreterHelpers } from '../helpers/helper-table.ts';
import { attachMemoryHelpers } from '../helpers/memory-helpers.ts';
import type { Readable } from '../helpers/readable.ts';
import { attachTextHelpers } from '../helpers/text-helpers.ts';
import {
  createInterpreter,
  INTERPRETER_STACK_SIZE,
  type Interpreter,
  type InterpreterSpec,
} from '../interp/interpreter.ts';
import type { RunObserver } from '../interp/observe.ts';
import type { CompiledProgram } from '../jit/compile.ts';
import { FAULTED, instantiateProgram, JIT_STACK_SIZE } from '../jit/instance.ts';
import { ownFunction } from '../jit/own-function.ts';
import type { MapOps } from '../maps/map-ops.ts';
import { type BytecodeImage, RUN_BUDGET } from './bytecode.ts';
import type { TailCalls } from './tail-call.ts';

/** What a CPU gives the programs of one kind. */
export interface BytecodeEnv {
  readonly memory: Memory;
  readonly cpu: number;
  /** An address of this CPU's own for the code of inlined helpers. */
  readonly percpu: number;
  /** Helpers that all programs share. */
  readonly table: HelperTable;
  readonly maps: MapOps;
  /** Gives back what a program that faulted still holds. */
  readonly abandon: () => void;
  readonly readable: Readable;
  readonly printk: (line: string) => void;
  readonly tailCalls: TailCalls;
  /** The end of the stack area; the area has at least JIT_STACK_SIZE bytes. */
  readonly stackEnd: number;
  /** Told what decides the way of each run, if the program is interpreted. */
  readonly observer?: RunObserver;
}

/** A program that starts with `ctx` in r1, its stack ending at `stackEnd`, by default at the end of the area. */
export type BytecodeInstance = (ctx: number, stackEnd?: number) => number;

const LEAST_STACK = Math.max(JIT_STACK_SIZE, INTERPRETER_STACK_SIZE);
const CALLING_BACK = [BPF_FUNC.loop, BPF_FUNC.for_each_map_elem];

type CallFunction = Interpreter['callFunction'];

function helpersOf(image: BytecodeImage, env: BytecodeEnv, callFunction: CallFunction): HelperTable {
  const { memory, maps, printk } = env;
  const readable: Readable = (address, size) =>
    env.readable(address, size) || image.arrays.some(({ start, end }) => address >= start && address + size <= end);
  const all: HelperTable = {
    ...env.table,
    ...attachMemoryHelpers(memory, readable),
    ...attachTextHelpers({ memory, readable, printk }),
    ...(image.helpers.some((id) => CALLING_BACK.includes(id)) ? attachCallbackHelpers(maps, callFunction) : {}),
  };
  return Object.fromEntries(image.helpers.flatMap((id) => (id in all ? [[id, all[id]!]] : [])));
}

/** @throws KernelError EINVAL for a helper that the CPU does not provide */
export function instanceOfBytecode(image: BytecodeImage, env: BytecodeEnv): BytecodeInstance {
  const run = image.compiled === undefined ? interpreted(image, env) : compiled(image, image.compiled, env);
  if (!image.helpers.includes(BPF_FUNC.tail_call)) return run;
  const { beginRun } = env.tailCalls;
  return (ctx, stackEnd) => {
    if (stackEnd === undefined) beginRun();
    return run(ctx, stackEnd);
  };
}

function compiled(image: BytecodeImage, program: CompiledProgram, env: BytecodeEnv): BytecodeInstance {
  const { memory, cpu, percpu, abandon } = env;
  const { tailCall } = env.tailCalls;
  const callFunction: CallFunction = (slot, r1, r2, r3, r4) => instance.callFunction(slot, r1, r2, r3, r4);
  const helpers = helpersOf(image, env, callFunction);
  const stack = env.stackEnd - LEAST_STACK;
  const instance = instantiateProgram(program, { memory, stack, helpers, tailCall, cpu, percpu });
  const { run } = instance;
  const fail = (): never => {
    abandon();
    throw instance.fault();
  };
  return ownFunction(
    `(ctx, stackEnd = end) => {
      const result = run(ctx, 0, stackEnd);
      return result === FAULTED ? fail() : result;
    }`,
    { run, end: env.stackEnd, FAULTED, fail },
  );
}

/** Less than compiled code gets, so that a CPU is not taken for dead: about five seconds. */
const INTERPRETER_BUDGET = RUN_BUDGET / 4;

/** The verifier has bounded every access, so the interpreter need not; its other checks stay. */
const mayAccess = (): boolean => true;

function interpreted(image: BytecodeImage, env: BytecodeEnv): BytecodeInstance {
  const { memory, abandon } = env;
  const { tailCall } = env.tailCalls;
  // one for each level at which the program is active
  const levels: Interpreter[] = [];
  let active = 0;
  const helpers = interpreterHelpers(
    helpersOf(image, env, (slot, r1, r2, r3, r4) => levels[active - 1]!.callFunction(slot, r1, r2, r3, r4)),
  );
  const spec: InterpreterSpec = {
    memory,
    instructions: image.instructions,
    stack: env.stackEnd - LEAST_STACK,
    mayAccess,
    helpers,
    tailCall,
    budget: INTERPRETER_BUDGET,
    ...(env.observer && { observer: env.observer }),
  };
  return (ctx, stackEnd = env.stackEnd) => {
    if (active === 0) env.observer?.begin(ctx);
    levels[active] ??= createInterpreter(spec);
    const interpreter = levels[active++]!;
    try {
      return interpreter.run(ctx, 0, stackEnd);
    } catch (error) {
      abandon();
      throw error;
    } finally {
      active--;
    }
  };
}
