/**
 * XDP programs: what user space loads, and what a CPU runs.
 *
 * A program is code plus the maps that it names. It is instantiated once on every CPU, in that CPU's realm; an instance
 * is one function from the context's address (struct xdp_md in the shared memory) to a verdict. Whether the code is a
 * TypeScript function or compiled bytecode ends here: nothing that runs a program can tell.
 *
 * A TypeScript program that throws is XDP_ABORTED for that frame; it must not keep the context's address.
 */

import type { Memory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE } from '@cpumap/uapi';

/** The helpers, as functions. Maps are their addresses; a returned 0 is NULL. */
export interface BpfHelpers {
  mapLookupElem(map: number, key: number): number;
  redirectMap(map: number, key: number, flags: number): number;
  redirect(ifindex: number, flags: number): number;
  xdpAdjustHead(ctx: number, delta: number): number;
  xdpAdjustMeta(ctx: number, delta: number): number;
  xdpAdjustTail(ctx: number, delta: number): number;
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

/** One program on one CPU. */
export type ProgramInstance = (ctx: number) => number;

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
  readonly code: ModuleCode | { readonly factory: ProgramFactory };
  /** BPF_ATTACH_TYPE.XDP (default) for a device, XDP_CPUMAP for a cpumap entry. */
  readonly expectedAttachType?: number;
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
  readonly expectedAttachType: number;
  readonly frags: boolean;
  readonly mapIds: readonly number[];
}

/** What a CPU needs to instantiate a program; plain data unless the code is a bare function. */
export interface ProgramImage {
  readonly id: number;
  readonly name: string;
  readonly code: ProgramSpec['code'];
  readonly maps: Readonly<Record<string, number>>;
  readonly constants: Readonly<Record<string, number>>;
}

export function programOf(spec: ProgramSpec, id: number): { program: BpfProgram; image: ProgramImage } {
  const maps = Object.entries(spec.maps ?? {});
  return {
    program: {
      id,
      name: spec.name,
      expectedAttachType: spec.expectedAttachType ?? BPF_ATTACH_TYPE.XDP,
      frags: spec.frags ?? false,
      mapIds: maps.map(([, map]) => map.id),
    },
    image: {
      id,
      name: spec.name,
      code: spec.code,
      maps: Object.fromEntries(maps.map(([name, map]) => [name, map.pointer])),
      constants: spec.constants ?? {},
    },
  };
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

/** The instance of a program on the calling CPU. */
export async function instantiate(image: ProgramImage, memory: Memory, helpers: BpfHelpers): Promise<ProgramInstance> {
  const factory = 'factory' in image.code ? image.code.factory : await importFunction<ProgramFactory>(image.code);
  const instance: unknown = factory({ memory, helpers, maps: image.maps, constants: image.constants });
  if (typeof instance !== 'function') {
    throw new TypeError(`program ${image.name}: its factory must return a function, not ${typeof instance}`);
  }
  return instance as ProgramInstance;
}
