/**
 * What the verifier takes and what it finds, as plain types: the one file that callers need beside `verifyProgram`.
 */
import type { Instruction } from '../isa/instruction.ts';

/** A map as the verifier sees it: what it is, not what is in it. */
export interface VerifierMap {
  readonly id: number;
  readonly name: string;
  /** BPF_MAP_TYPE. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Flags of BPF_MAP_CREATE; BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG matter here. */
  readonly flags: number;
  /** Where the value has a struct bpf_spin_lock. */
  readonly spinLockOffset?: number;
  /** Of a map of maps: what any map in it is like. */
  readonly inner?: VerifierMap;
  /**
   * Of a frozen map that programs only read: `size` bytes of its first value, little-endian. Loads of them are known
   * numbers, so that branches on a configuration that is not set are not followed.
   */
  constantValue?(offset: number, size: number): bigint | undefined;
}

/** A struct that a tracing program gets a pointer to. */
export interface VerifierStruct {
  readonly name: string;
  readonly size: number;
}

/** What a load from the context gives. */
export type ContextValue =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'packet' }
  | { readonly kind: 'packet-meta' }
  | { readonly kind: 'packet-end' }
  | { readonly kind: 'struct'; readonly struct: VerifierStruct };

export interface ContextField {
  readonly offset: number;
  /** The only size in which it can be loaded. */
  readonly size: number;
  readonly value: ContextValue;
}

/** What r1 points to when the program starts. It is never written. */
export interface ContextModel {
  readonly kind: 'xdp' | 'tracepoint' | 'raw-tracepoint';
  readonly size: number;
  readonly fields: readonly ContextField[];
  /** From there on numbers of any size may be loaded, at multiples of their size; undefined: only the fields. */
  readonly recordFrom: number | undefined;
}

export interface VerifierInput {
  readonly name: string;
  /** The linked program, before addresses are filled in. */
  readonly instructions: readonly Instruction[];
  /** BPF_PROG_TYPE: XDP, TRACEPOINT, RAW_TRACEPOINT or TRACING. */
  readonly programType: number;
  readonly expectedAttachType: number;
  readonly license: string;
  /** The map that the 64-bit immediate at a slot names, also where it names a place in the map's value. */
  mapAt(slot: number): VerifierMap | undefined;
  readonly context: ContextModel;
  /** Names of functions by their first slot, for the log. */
  readonly functions?: ReadonlyMap<number, string>;
  /** Source lines by slot, for the log. */
  readonly lines?: ReadonlyMap<number, string>;
  /** 0 none, 1 the path that is being followed, 2 more of the state at each instruction. */
  readonly logLevel: 0 | 1 | 2;
}

export interface VerifierResult {
  readonly log: string;
  /** Slots of loads, stores and atomic operations that stay inside what the program may touch, on every path. */
  readonly proved: ReadonlySet<number>;
  /** By slot of a helper call: the one map that its map argument always is. */
  readonly mapAtCall: ReadonlyMap<number, VerifierMap>;
  /** By slot of a helper call: arguments that are the same number on every path, r1 first; undefined where they are not. */
  readonly constantArguments: ReadonlyMap<number, readonly (bigint | undefined)[]>;
  /** Bytes of stack that the deepest chain of calls uses. */
  readonly stackDepth: number;
  /** Instructions that were followed, on all paths together. */
  readonly processedInsns: number;
  /** First slots of the functions that are passed to helpers. */
  readonly callbacks: ReadonlySet<number>;
  readonly usesTailCalls: boolean;
  /** Whether it calls a helper that may move the packet. */
  readonly changesPacket: boolean;
}
