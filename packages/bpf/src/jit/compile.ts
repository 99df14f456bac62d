/**
 * The compiler: a program becomes one WebAssembly module that works on the host's shared memory.
 *
 * Compile once, on any thread: the result is plain data and goes to workers with postMessage, and each CPU makes its
 * own instance (see instance.ts). Semantics are the interpreter's, with these differences, none of which a program that
 * the verifier accepts can see: a function begins with r0 and r6 to r9 zero and leaves r1 to r5 of its caller alone,
 * and the budget is looked at where loops and functions begin, not at each instruction.
 */
import { checkInstruction } from '../isa/check.ts';
import { checkControlFlow } from '../isa/control-flow.ts';
import { functionTarget, type Instruction, isTailCall } from '../isa/instruction.ts';
import { BPF_CALL, OPCODE } from '../isa/opcodes.ts';
import { refuseInstruction } from '../isa/refusal.ts';
import { isReference } from '../isa/relocate.ts';
import { type Callee, callbackFunction, type InlineHelper } from './emit-call.ts';
import { emitFunction, type ModuleContext } from './emit-function.ts';
import { FAULT_IMPORT, FAULT_TYPE, GLOBAL, GLOBAL_IMPORTS, GLOBAL_TYPES } from './frame.ts';
import { type ContextSpec, guardFunction } from './guard.ts';
import { plainAccesses } from './origins.ts';
import { type HelperSignature, helperType, TAIL_CALL_NAME, TAIL_CALL_TYPE } from './signatures.ts';
import { structure } from './structure.ts';
import { subprograms } from './subprograms.ts';
import { encodeModule, type FunctionBody, WasmWriter } from './wasm-encoder.ts';
import { OP } from './wasm-opcodes.ts';

export interface CompileOptions {
  /** What r1 points to. Without it only the stack and the listed regions are the program's. */
  readonly context?: ContextSpec;
  /** By helper id. A call of any other is a fault when it runs. */
  readonly helpers?: Readonly<Record<number, HelperSignature>>;
  /** By BTF id. */
  readonly kfuncs?: Readonly<Record<number, HelperSignature>>;
  /** Instructions that a run may execute; by default a million. */
  readonly budget?: number;
  /** Whether the access at a slot needs no guard. By default all are guarded. */
  readonly isProved?: (slot: number) => boolean;
  /** Code for the helper call at a slot, in place of the call. The helper must be one of `helpers` all the same. */
  readonly inline?: (slot: number) => InlineHelper | undefined;
}

/** Plain data: structured clone takes it to other threads. */
export interface CompiledProgram {
  readonly module: WebAssembly.Module;
  /** The helpers and kfuncs that an instance needs, by id. */
  readonly imports: { readonly helpers: readonly number[]; readonly kfuncs: readonly number[] };
  /** Whether it calls the next program. */
  readonly tailCalls: boolean;
  /** For the words of a fault. */
  readonly instructions: readonly Instruction[];
}

/** WebAssembly's own bound: any memory of the host fits. */
const MAX_PAGES = 65536;
const DEFAULT_BUDGET = 1_000_000;

/** @throws KernelError EINVAL for what is no program or has references that were not relocated, E2BIG for 257 functions */
export function compileProgram(instructions: readonly Instruction[], options: CompileOptions = {}): CompiledProgram {
  const { context, budget = DEFAULT_BUDGET } = options;
  checkContext(context);
  for (const instruction of instructions) {
    checkInstruction(instruction);
    if (isReference(instruction)) {
      refuseInstruction(instruction.slot, 'it names a map or a variable: relocate the program first');
    }
  }
  checkControlFlow(instructions);

  const parts = subprograms(instructions);
  const structures = parts.map(structure);
  const isCalled = instructions.some((instruction) => functionTarget(instruction) === 0);
  const metered = parts.length > 1 || instructions.some(isLocalCall) || structures.some(({ hasLoops }) => hasLoops);
  const { functionImports, calleeOf, imports, tailCallIndex } = resolveCallees(instructions, options);
  const firstPart = functionImports.length + 1; // behind the guard
  const { isProved = () => false, inline = () => undefined } = options;
  const module: ModuleContext = {
    guard: { context, guardIndex: functionImports.length, isProved },
    metered,
    functionAt: new Map(parts.map(({ slot }, i) => [slot, firstPart + i])),
    addressed: new Set(instructions.filter(({ opcode }) => opcode === OPCODE.LD_IMM64).flatMap(addressOf)),
    calleeOf,
    inline,
    tailCallIndex,
  };
  const run = firstPart + parts.length;
  const callsBack = module.addressed.size > 0;
  const bytes = encodeModule({
    memoryPages: MAX_PAGES,
    functionImports,
    globalImports: GLOBAL_IMPORTS,
    globals: GLOBAL_TYPES,
    functions: [
      guardFunction(context),
      ...parts.map((part, i) => {
        const plain = plainAccesses(part, context, i === 0 && !isCalled);
        const guard = { ...module.guard, isProved: (slot: number) => plain.has(slot) || isProved(slot) };
        return emitFunction(part, structures[i]!, { ...module, guard });
      }),
      runFunction(firstPart, metered ? budget : undefined),
      ...(callsBack ? [callbackFunction(module, instructions[0]!.slot)] : []),
    ],
    functionExports: callsBack ? { run, callback: run + 1 } : { run },
    globalExports: { result: GLOBAL.result },
  });
  return { module: new WebAssembly.Module(bytes), imports, tailCalls: tailCallIndex !== undefined, instructions };
}

function checkContext(context: ContextSpec | undefined): void {
  if (context?.packet === undefined) return;
  if (context.writable === true) {
    throw new RangeError('a context that says where the packet is must not be writable: it would move its own bounds');
  }
}

function isLocalCall({ opcode, src }: Instruction): boolean {
  return opcode === OPCODE.CALL && src === BPF_CALL.LOCAL;
}

function addressOf(instruction: Instruction): number[] {
  const target = functionTarget(instruction);
  return target === undefined ? [] : [target];
}

/** Gives each helper and kfunc that the program calls and the caller knows an import. */
function resolveCallees(instructions: readonly Instruction[], { helpers = {}, kfuncs = {} }: CompileOptions) {
  const functionImports = [{ name: FAULT_IMPORT.name as string, type: FAULT_TYPE }];
  const used = { helper: new Map<number, Callee>(), kfunc: new Map<number, Callee>() };
  const calleeOf = ({ src, imm }: Instruction): Callee | undefined =>
    used[src === BPF_CALL.HELPER ? 'helper' : 'kfunc'].get(imm);
  let tailCallIndex: number | undefined;
  if (instructions.some(isTailCall)) {
    tailCallIndex = functionImports.length;
    functionImports.push({ name: TAIL_CALL_NAME, type: TAIL_CALL_TYPE });
  }
  for (const instruction of instructions) {
    const { opcode, src, imm } = instruction;
    if (opcode !== OPCODE.CALL || isLocalCall(instruction) || calleeOf(instruction) !== undefined) continue;
    const kind = src === BPF_CALL.HELPER ? 'helper' : 'kfunc';
    const signature = (kind === 'helper' ? helpers : kfuncs)[imm];
    if (signature === undefined) continue;
    used[kind].set(imm, { index: functionImports.length, signature });
    functionImports.push({ name: `${kind}.${imm}`, type: helperType(signature) });
  }
  return {
    functionImports,
    calleeOf,
    tailCallIndex,
    imports: { helpers: [...used.helper.keys()], kfuncs: [...used.kfunc.keys()] },
  };
}

/** (r1, r2, end of the stack) -> low half of r0: what JavaScript calls. `budget` is undefined where nothing counts it. */
function runFunction(main: number, budget: number | undefined): FunctionBody {
  const w = new WasmWriter();
  const OUTER = 3;
  w.get(0).setGlobal(GLOBAL.context);
  w.global(GLOBAL.stackEnd).set(OUTER).get(2).setGlobal(GLOBAL.stackEnd);
  if (budget !== undefined) w.i32(0).setGlobal(GLOBAL.faulted).i32(budget).setGlobal(GLOBAL.budget);
  w.get(0).op(OP.i64ExtendI32U).get(1).op(OP.i64ExtendI32U).i64(0).i64(0).i64(0);
  w.get(2).op(OP.i64ExtendI32U).call(main).setGlobal(GLOBAL.result);
  w.get(OUTER).setGlobal(GLOBAL.stackEnd); // a program can be its own next program
  w.global(GLOBAL.result).op(OP.i32WrapI64);
  return { type: { params: ['i32', 'i32', 'i32'], results: ['i32'] }, locals: ['i32'], code: w };
}
