/**
 * XDP programs: what user space loads, and what a CPU runs.
 *
 * A program is code plus the maps that it names. It is instantiated once on every CPU, in that CPU's realm; an instance
 * is one function from the context's address (struct xdp_md in the shared memory) to a verdict. Whether the code is a
 * TypeScript function or bytecode ends here: nothing that runs a program can tell.
 *
 * A program that throws is XDP_ABORTED for that frame: a TypeScript program by itself, bytecode when it is ended because
 * its instructions are used up. A TypeScript program must not keep the context's address.
 */

import type { Memory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import type { BytecodeCode, BytecodeImage } from './load/bytecode.ts';
import { type BytecodeEnv, instanceOfBytecode } from './load/instance-of-bytecode.ts';

/** The helpers, as functions. Maps are their addresses; a returned 0 is NULL. */
export interface BpfHelpers {
  mapLookupElem(map: number, key: number): number;
  redirectMap(map: number, key: number, flags: number): number;
  redirect(ifindex: number, flags: number): number;
  xdpAdjustHead(ctx: number, delta: number): number;
  xdpAdjustMeta(ctx: number, delta: number): number;
  xdpAdjustTail(ctx: number, delta: number): number;
  /** Bytes of the whole frame; a program itself reaches those of its first buffer, from data to data_end. */
  xdpGetBuffLen(ctx: number): number;
  /** Copies `size` bytes of the frame to `to`, and from `from` to the frame, whatever buffers they lie in. */
  xdpLoadBytes(ctx: number, offset: number, to: number, size: number): number;
  xdpStoreBytes(ctx: number, offset: number, from: number, size: number): number;
  ktimeGetNs(): number;
  getSmpProcessorId(): number;
  getPrandomU32(): number;
}

export interface ProgramEnv {
  readonly memory: Memory;
  readonly helpers: BpfHelpers;
  /** Address of each map, by the name under which the program was given it. */
  readonly maps: Readonly<Record<string, number>>;
  /** Plain data given at load time, as a BPF program has its read-only globals. */
  readonly constants: Readonly<Record<string, number>>;
}

/** One program on one CPU. `stackEnd` is for the next program of a bpf_tail_call; others leave it out. */
export type ProgramInstance = (ctx: number, stackEnd?: number) => number;

/** The code of a TypeScript program: makes its instance for one CPU. */
export type ProgramFactory = (env: ProgramEnv) => ProgramInstance;

/** A function of a module, so that every CPU's thread can import it. */
export interface ModuleCode {
  /** URL of an ES module, as in `new URL('./my-program.js', import.meta.url).href`. */
  readonly module: string;
  /** The name under which it exports the factory. */
  readonly export: string;
}

export interface ProgramSpec {
  readonly name: string;
  readonly code: ModuleCode | { readonly factory: ProgramFactory } | BytecodeCode;
  /** BPF_PROG_TYPE; default XDP, which TypeScript programs always are. */
  readonly type?: number;
  /** BPF_ATTACH_TYPE.XDP (default) for a device, XDP_CPUMAP and XDP_DEVMAP for entries of such maps. */
  readonly expectedAttachType?: number;
  /** The event of a tracing program: `xdp_exception`. */
  readonly attachTo?: string;
  /** Whether it copes with multi-buffer frames: programs with and without do not mix in one cpumap. */
  readonly frags?: boolean;
  /** The maps that it uses, by the names that its code looks for. */
  readonly maps?: Readonly<Record<string, { readonly id: number; readonly pointer: number }>>;
  readonly constants?: Readonly<Record<string, number>>;
}

/** A loaded program. */
export interface BpfProgram {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly expectedAttachType: number;
  readonly attachTo: string | undefined;
  readonly frags: boolean;
  readonly mapIds: readonly number[];
}

/** What a CPU needs to instantiate a program; plain data unless the code is a bare function. */
export interface ProgramImage {
  readonly id: number;
  readonly name: string;
  readonly code: Exclude<ProgramSpec['code'], BytecodeCode> | { readonly image: BytecodeImage };
  readonly type: number;
  readonly maps: Readonly<Record<string, number>>;
  readonly constants: Readonly<Record<string, number>>;
}

export function programOf(spec: ProgramSpec, id: number): BpfProgram {
  const { type = BPF_PROG_TYPE.XDP } = spec;
  return {
    id,
    name: spec.name,
    type,
    expectedAttachType: spec.expectedAttachType ?? (type === BPF_PROG_TYPE.XDP ? BPF_ATTACH_TYPE.XDP : 0),
    attachTo: spec.attachTo,
    frags: spec.frags ?? false,
    mapIds: Object.values(spec.maps ?? {}).map((map) => map.id),
  };
}

/** What the CPUs get; `image` is the program's code after loadBytecode, if it is bytecode. */
export function imageOf(spec: ProgramSpec, { id, name, type }: BpfProgram, image?: BytecodeImage): ProgramImage {
  const maps = Object.entries(spec.maps ?? {}).map(([key, map]) => [key, map.pointer] as const);
  const code = 'bytecode' in spec.code ? { image: image! } : spec.code;
  return { id, name, type, code, maps: Object.fromEntries(maps), constants: spec.constants ?? {} };
}

/** Imports a function that a module exports. @throws Error that names the module and what it does export */
export async function importFunction<F>({ module, export: name }: ModuleCode): Promise<F> {
  const exports: Record<string, unknown> = await import(/* @vite-ignore */ module);
  const found = exports[name];
  if (typeof found !== 'function') {
    throw new TypeError(`${module} exports no function '${name}', but ${Object.keys(exports).join(', ') || 'nothing'}`);
  }
  return found as F;
}

/** The instance of a program on the calling CPU; `helpers` are for TypeScript, `env` is for bytecode. */
export async function instantiate(
  image: ProgramImage,
  helpers: BpfHelpers,
  env: BytecodeEnv,
): Promise<ProgramInstance> {
  const { code, maps, constants } = image;
  if ('image' in code) return instanceOfBytecode(code.image, env);
  const factory = 'factory' in code ? code.factory : await importFunction<ProgramFactory>(code);
  const instance: unknown = factory({ memory: env.memory, helpers, maps, constants });
  if (typeof instance !== 'function') {
    throw new TypeError(`program ${image.name}: its factory must return a function, not ${typeof instance}`);
  }
  return instance as ProgramInstance;
}
