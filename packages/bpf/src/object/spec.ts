/**
 * What an object file says, as plain data: maps, functions, programs, and what refers to what by name.
 *
 * A CollectionSpec is the same for the same bytes on every machine. Nothing here is loaded: no map exists, no address is
 * filled in. It can be cloned to a worker, compared and printed. Nothing that takes a spec changes it.
 */

import type { Btf } from '../btf/btf.ts';
import type { BtfLineInfo, CoreRelocation } from '../btf/btf-ext.ts';
import type { MapSpec } from '../maps/bpf-map.ts';

export interface ObjectVariable {
  readonly name: string;
  /** Offset in its section, which is the offset in the map's only value. */
  readonly offset: number;
  readonly size: number;
  /** Id of its BTF type. */
  readonly type: number | undefined;
}

/** Global variables: an array map with one value, which is a data section of the object. */
export interface ObjectData {
  /** undefined stands for zeros. */
  readonly contents: Uint8Array | undefined;
  /** Whether user space freezes the map before it loads a program: `const` variables. */
  readonly frozen: boolean;
  readonly variables: readonly ObjectVariable[];
}

export interface ObjectMap extends Required<Omit<MapSpec, 'spinLockOffset' | 'innerMapFd'>> {
  readonly section: string;
  readonly offset: number;
  /** undefined unless the definition names one. */
  readonly numaNode: number | undefined;
  readonly mapExtra: number | bigint | undefined;
  readonly pinning: 'none' | 'by-name';
  /** Ids of the BTF types of key and value. */
  readonly keyType: number | undefined;
  readonly valueType: number | undefined;
  /** What a map of maps holds, as a pattern; it is no map of the collection. */
  readonly inner: ObjectMap | undefined;
  /** What stands in a map of maps or of programs from the start. */
  readonly values: readonly { readonly index: number; readonly kind: 'map' | 'program'; readonly target: string }[];
  readonly data: ObjectData | undefined;
}

export interface ObjectReference {
  /** The 8-byte slot of the instruction, from the start of the code that it is in. */
  readonly slot: number;
  /**
   * `map` and `map-value` an ld_imm64 of a map or of a place in a map's only value; `call` a call of a function of the
   * object; `func` an ld_imm64 of a function's address; `extern` either instruction, with a name that the object does not define.
   */
  readonly kind: 'map' | 'map-value' | 'call' | 'func' | 'extern';
  /** A key of the collection's maps, functions or externs. */
  readonly target: string;
  /** Byte offset in the map's value; 0 for the other kinds. */
  readonly offset: number;
}

export interface ObjectLine extends Omit<BtfLineInfo, 'instruction'> {
  readonly slot: number;
}
export interface ObjectCoreRelocation extends Omit<CoreRelocation, 'instruction'> {
  readonly slot: number;
}

export interface ObjectFunction {
  /** Unique in the collection: of two static functions of one name, the second is `name@section+0xoffset`. */
  readonly name: string;
  readonly section: string;
  readonly offset: number;
  readonly linkage: 'static' | 'global' | 'weak';
  /** Slots of 8 bytes, as the compiler left them. */
  readonly code: Uint8Array;
  readonly references: readonly ObjectReference[];
  readonly lines: readonly ObjectLine[];
  readonly core: readonly ObjectCoreRelocation[];
  /** Id of its BTF func. */
  readonly type: number | undefined;
}

/** A function that can be loaded on its own; what its section's name says of it. */
export interface ObjectProgram extends ObjectFunction {
  /** enum bpf_prog_type; undefined for a section name of one's own: the caller says what it is. */
  readonly programType: number | undefined;
  /** enum bpf_attach_type, where the type has one. */
  readonly attachType: number | undefined;
  /** What follows the known part of the section's name: `xdp/xdp_exception` of `tp/xdp/xdp_exception`. */
  readonly attachTo: string;
  readonly frags: boolean;
  readonly sleepable: boolean;
  /** false for sections that begin with `?`: loaded only when asked for. */
  readonly autoload: boolean;
  /** All functions that it calls, directly or not, or passes on by address: in the order they are met. */
  readonly subprograms: readonly string[];
}

/** A name that the object uses and does not define: of the kernel, or a constant that the loader sets. */
export interface ObjectExtern {
  readonly name: string;
  readonly weak: boolean;
  /** Whether BTF says that it comes from outside; if not, it may as well be a mistake. */
  readonly declared: boolean;
  /** `.ksyms`, `.kconfig`, or undefined where the object does not say. */
  readonly section: string | undefined;
}

export interface CollectionSpec {
  readonly name: string;
  /** Empty where the object has none: helpers for GPL programs only are then out of reach. */
  readonly license: string;
  /** The kernel version that old objects declare for kprobes. */
  readonly version: number | undefined;
  /** In the order in which they lie in the object: the order that old loaders number them in. */
  readonly maps: ReadonlyMap<string, ObjectMap>;
  readonly programs: ReadonlyMap<string, ObjectProgram>;
  /** The programs, and everything that they can call. */
  readonly functions: ReadonlyMap<string, ObjectFunction>;
  readonly externs: ReadonlyMap<string, ObjectExtern>;
  readonly btf: Btf | undefined;
  /** What the reader left aside and a user may miss. */
  readonly notes: readonly string[];
}
