/**
 * Bytecode on its way from a spec to the CPUs: verified, given the addresses of its maps and compiled once, on the host's
 * thread; then cloned to each CPU, which makes its own instance (instance-of-bytecode.ts).
 *
 * A spec names maps; what the verifier has to know of them, and where they are, comes from the maps themselves.
 */
import type { Memory } from '@cpumap/smp';
import { BPF_F_RDONLY_PROG, BPF_FUNC, BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { HELPER_SIGNATURES } from '../helpers/helper-signatures.ts';
import type { Instruction } from '../isa/instruction.ts';
import { relocateMaps, type UnlinkedProgram } from '../isa/map-references.ts';
import { BPF_CALL, OPCODE } from '../isa/opcodes.ts';
import { type CompiledProgram, compileProgram } from '../jit/compile.ts';
import type { InlineHelper } from '../jit/emit-call.ts';
import type { ContextSpec } from '../jit/guard.ts';
import { OP } from '../jit/wasm-opcodes.ts';
import { BPF_MAP, type BpfMap } from '../maps/bpf-map.ts';
import type { ContextModel, VerifierMap, VerifierResult } from '../verifier/verifier-types.ts';
import { verifyProgram } from '../verifier/verify-program.ts';
import { inlineArrayLookup } from './inline-lookup.ts';

/** The code of a program that is bytecode. */
export interface BytecodeCode {
  readonly bytecode: UnlinkedProgram;
  /** As in the object's `license` section: some helpers are for programs under the GPL alone. Default none. */
  readonly license?: string;
  /** Names of functions, and source lines, by slot: for the verifier's log. */
  readonly functions?: ReadonlyMap<number, string>;
  readonly lines?: ReadonlyMap<number, string>;
}

export const BPF_ENGINES = ['jit', 'interp'] as const;
/** What runs bytecode: the compiler, or the interpreter that is its reference. */
export type BpfEngine = (typeof BPF_ENGINES)[number];

/** A verified program for any CPU. Plain data. */
export interface BytecodeImage {
  readonly compiled: CompiledProgram | undefined;
  /** For the interpreter, which runs it if it was not compiled. */
  readonly instructions: readonly Instruction[];
  /** Ids of the helpers that it calls. */
  readonly helpers: readonly number[];
  /** Memory of its arrays, which bpf_probe_read_kernel and "%s" may read. */
  readonly arrays: readonly { readonly start: number; readonly end: number }[];
}

/** A helper call that may be replaced by code. */
export interface InlineSite {
  readonly helper: number;
  /** Address of the map that it is called with, if that is always the same. */
  readonly map: number | undefined;
  /** r1 to r5 where they are the same number on every path. */
  readonly constants: readonly (bigint | undefined)[];
}

export interface BytecodeLoad {
  readonly name: string;
  readonly code: BytecodeCode;
  readonly programType: number;
  readonly expectedAttachType: number;
  readonly maps: Readonly<Record<string, BpfMap>>;
  readonly context: ContextModel;
  readonly engine: BpfEngine;
  /** Code for helpers of other packages. */
  readonly inline?: (site: InlineSite) => InlineHelper | undefined;
  readonly logLevel?: 0 | 1 | 2;
}

/** Far beyond what the verifier lets a program take without bpf_loop; about half a second. */
export const RUN_BUDGET = 1 << 28;

/** What the verifier knows of a map. Frozen arrays that programs only read are constants to it. */
export function verifierMap(memory: Memory, map: BpfMap): VerifierMap {
  const info = map.info();
  const constant = info.type === BPF_MAP_TYPE.ARRAY && info.frozen && (info.flags & BPF_F_RDONLY_PROG) !== 0;
  return {
    ...info,
    ...(map.inner === undefined ? {} : { inner: verifierMap(memory, map.inner) }),
    ...(constant ? { constantValue: constantReader(memory, map) } : {}),
  };
}

function constantReader({ u8, u32 }: Memory, map: BpfMap): (offset: number, size: number) => bigint | undefined {
  const start = u32[(map.pointer + BPF_MAP.elements) >> 2]!;
  const { valueSize } = map.info();
  return (offset, size) => {
    if (offset < 0 || offset + size > valueSize) return undefined;
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(u8[start + offset + i]!);
    return value;
  };
}

/** Verifies only. @throws VerifierError; KernelError EBADF for a map that is not given */
export function verifyBytecode(memory: Memory, load: Omit<BytecodeLoad, 'engine' | 'inline'>): VerifierResult {
  const { name, code, programType, expectedAttachType, maps, context, logLevel = 0 } = load;
  const { instructions, mapReferences } = code.bytecode;
  relocateMaps(code.bytecode, pointersOf(maps), memory); // a name without a map is an error of its own
  for (const { kind, target } of mapReferences) {
    if (kind === 'map' || maps[target]!.type === BPF_MAP_TYPE.ARRAY) continue;
    const hint = `map "${target}" has no direct value access: only values of arrays stay where they are`;
    throw new KernelError('EINVAL', 'bpf(BPF_PROG_LOAD)', { hint });
  }
  const bySlot = new Map(mapReferences.map(({ slot, target }) => [slot, target]));
  const described = new Map(Object.entries(maps).map(([target, map]) => [target, verifierMap(memory, map)]));
  return verifyProgram({
    name,
    instructions,
    programType,
    expectedAttachType,
    license: code.license ?? '',
    mapAt: (slot) => described.get(bySlot.get(slot) ?? ''),
    context,
    ...(code.functions === undefined ? {} : { functions: code.functions }),
    ...(code.lines === undefined ? {} : { lines: code.lines }),
    logLevel,
  });
}

function pointersOf(maps: Readonly<Record<string, BpfMap>>): Record<string, number> {
  return Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, map.pointer]));
}

/** Verifies, relocates and compiles. @throws VerifierError, KernelError */
export function loadBytecode(memory: Memory, load: BytecodeLoad): BytecodeImage {
  const verified = verifyBytecode(memory, load);
  const instructions = relocateMaps(load.code.bytecode, pointersOf(load.maps), memory);
  const helpers = helpersOf(instructions);
  return {
    compiled: load.engine === 'jit' ? compile(memory, load, instructions, verified) : undefined,
    instructions: load.engine === 'jit' ? [] : instructions,
    helpers,
    arrays: Object.values(load.maps).flatMap((map) => map.memory ?? []),
  };
}

function compile(
  memory: Memory,
  { context, maps, inline }: BytecodeLoad,
  instructions: readonly Instruction[],
  { proved, mapAtCall, constantArguments }: VerifierResult,
): CompiledProgram {
  const byId = new Map(Object.values(maps).map((map) => [map.id, map.pointer]));
  const bySlot = new Map(instructions.map((instruction) => [instruction.slot, instruction]));
  return compileProgram(instructions, {
    context: contextSpec(context),
    helpers: HELPER_SIGNATURES,
    budget: RUN_BUDGET,
    isProved: (slot) => proved.has(slot),
    inline(slot) {
      const helper = bySlot.get(slot)!.imm;
      const verifiedMap = mapAtCall.get(slot);
      const map = verifiedMap === undefined ? undefined : byId.get(verifiedMap.id);
      if (helper === BPF_FUNC.get_smp_processor_id) return ({ w, cpu }) => w.global(cpu).op(OP.i64ExtendI32U);
      if (helper === BPF_FUNC.map_lookup_elem && map !== undefined) {
        const code = inlineArrayLookup(memory, map);
        if (code !== undefined) return code;
      }
      return inline?.({ helper, map, constants: constantArguments.get(slot) ?? [] });
    },
  });
}

/** For the guards of what the verifier has not proved. */
function contextSpec({ kind, size }: ContextModel): ContextSpec {
  return kind === 'xdp' ? { size, packet: { data: 0, dataEnd: 4, dataMeta: 8 } } : { size };
}

function helpersOf(instructions: readonly Instruction[]): number[] {
  const calls = instructions.filter(({ opcode, src }) => opcode === OPCODE.CALL && src === BPF_CALL.HELPER);
  return [...new Set(calls.map(({ imm }) => imm))];
}
