/**
 * WebAssembly modules as bytes: a writer of LEB128 numbers and code, and the sections around it.
 *
 * It writes what it is told; whether the module is valid is WebAssembly.Module's to say.
 */
import { NO_RESULT, OP, PREFIX_ATOMIC, VALUE_TYPE, type ValueType } from './wasm-opcodes.ts';

export class WasmWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Bytes as they are: opcodes, types. */
  op(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#push(byte);
    return this;
  }

  u32(value: number): this {
    let rest = value >>> 0;
    for (; rest >= 0x80; rest >>>= 7) this.#push((rest & 0x7f) | 0x80);
    this.#push(rest);
    return this;
  }

  s32(value: number): this {
    let rest = value | 0;
    for (; rest < -0x40 || rest > 0x3f; rest >>= 7) this.#push((rest & 0x7f) | 0x80);
    this.#push(rest & 0x7f);
    return this;
  }

  s64(value: bigint): this {
    let rest = BigInt.asIntN(64, value);
    for (; rest < -0x40n || rest > 0x3fn; rest >>= 7n) this.#push(Number(rest & 0x7fn) | 0x80);
    this.#push(Number(rest & 0x7fn));
    return this;
  }

  /** ASCII alone. */
  name(text: string): this {
    this.u32(text.length);
    for (let i = 0; i < text.length; i++) this.#push(text.charCodeAt(i));
    return this;
  }

  /** The length of another writer's bytes, then the bytes. */
  sized(other: WasmWriter): this {
    return this.u32(other.bytes.length).append(other);
  }

  append({ bytes }: WasmWriter): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  i32(value: number): this {
    return this.op(OP.i32Const).s32(value);
  }

  i64(value: number | bigint): this {
    this.op(OP.i64Const);
    // the encodings agree, and BigInt is slow
    return typeof value === 'number' && value === (value | 0) ? this.s32(value) : this.s64(BigInt(value));
  }

  get(local: number): this {
    return this.op(OP.localGet).u32(local);
  }

  set(local: number): this {
    return this.op(OP.localSet).u32(local);
  }

  tee(local: number): this {
    return this.op(OP.localTee).u32(local);
  }

  global(index: number): this {
    return this.op(OP.globalGet).u32(index);
  }

  setGlobal(index: number): this {
    return this.op(OP.globalSet).u32(index);
  }

  call(index: number): this {
    return this.op(OP.call).u32(index);
  }

  if(type?: ValueType): this {
    return this.op(OP.if, type === undefined ? NO_RESULT : VALUE_TYPE[type]);
  }

  /** A load or store that may be misaligned. */
  access(opcode: number, offset: number): this {
    return this.op(opcode).u32(0).u32(offset);
  }

  /** An atomic operation; its address must be a multiple of `size`. */
  atomic(opcode: number, size: 4 | 8): this {
    return this.op(PREFIX_ATOMIC, opcode)
      .u32(size === 4 ? 2 : 3)
      .u32(0);
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface FunctionBody {
  readonly type: FunctionType;
  /** Types of the locals that follow the parameters. */
  readonly locals: readonly ValueType[];
  /** Without the final `end`. */
  readonly code: WasmWriter;
}

export interface ModuleSpec {
  /** Pages that the imported shared memory may have at most. */
  readonly memoryPages: number;
  readonly functionImports: readonly { readonly name: string; readonly type: FunctionType }[];
  /** Immutable; they come first in the index space of globals. */
  readonly globalImports: readonly { readonly name: string; readonly type: 'i32' | 'i64' }[];
  /** Mutable, zero at first. */
  readonly globals: readonly ('i32' | 'i64')[];
  /** They follow the imported ones in the index space of functions. */
  readonly functions: readonly FunctionBody[];
  /** Names of functions and globals, by index. */
  readonly functionExports: Readonly<Record<string, number>>;
  readonly globalExports: Readonly<Record<string, number>>;
}

/** The one module name that everything is imported from. */
export const IMPORT_MODULE = 'bpf';

const SECTION = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;
const KIND = { function: 0, memory: 2, global: 3 } as const;
const SHARED_WITH_MAXIMUM = 0x03;

export function encodeModule(spec: ModuleSpec): Uint8Array<ArrayBuffer> {
  const out = new WasmWriter().op(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);
  const types = new Map<string, { index: number; type: FunctionType }>();
  const typeIndex = (type: FunctionType): number => {
    const key = `${type.params}:${type.results}`;
    const known = types.get(key) ?? { index: types.size, type };
    types.set(key, known);
    return known.index;
  };

  const imports = new WasmWriter().u32(1 + spec.functionImports.length + spec.globalImports.length);
  imports.name(IMPORT_MODULE).name('memory').op(KIND.memory, SHARED_WITH_MAXIMUM).u32(0).u32(spec.memoryPages);
  for (const { name, type } of spec.functionImports) {
    imports.name(IMPORT_MODULE).name(name).op(KIND.function).u32(typeIndex(type));
  }
  for (const { name, type } of spec.globalImports) {
    imports.name(IMPORT_MODULE).name(name).op(KIND.global, VALUE_TYPE[type], 0);
  }

  const functions = new WasmWriter().u32(spec.functions.length);
  for (const { type } of spec.functions) functions.u32(typeIndex(type));

  const globals = new WasmWriter().u32(spec.globals.length);
  for (const type of spec.globals) {
    globals.op(VALUE_TYPE[type], 1, type === 'i32' ? OP.i32Const : OP.i64Const, 0, OP.end);
  }

  const exported = [
    ...Object.entries(spec.functionExports).map(([name, index]) => ({ name, kind: KIND.function, index })),
    ...Object.entries(spec.globalExports).map(([name, index]) => ({ name, kind: KIND.global, index })),
  ];
  const exports = new WasmWriter().u32(exported.length);
  for (const { name, kind, index } of exported) exports.name(name).op(kind).u32(index);

  const code = new WasmWriter().u32(spec.functions.length);
  for (const body of spec.functions) code.sized(encodeBody(body));

  const typeSection = new WasmWriter().u32(types.size);
  for (const { type } of types.values()) {
    typeSection.op(0x60);
    for (const list of [type.params, type.results]) {
      typeSection.u32(list.length).op(...list.map((value) => VALUE_TYPE[value]));
    }
  }

  out.op(SECTION.type).sized(typeSection);
  out.op(SECTION.import).sized(imports);
  out.op(SECTION.function).sized(functions);
  out.op(SECTION.global).sized(globals);
  out.op(SECTION.export).sized(exports);
  return out.op(SECTION.code).sized(code).bytes;
}

function encodeBody({ locals, code }: FunctionBody): WasmWriter {
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  const body = new WasmWriter().u32(runs.length);
  for (const { type, count } of runs) body.u32(count).op(VALUE_TYPE[type]);
  return body.append(code).op(OP.end);
}
