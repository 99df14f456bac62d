/**
 * BTF for a program's functions, made from nothing but where they begin. Linux wants it of programs that pass functions to
 * helpers (since 5.13: "missing btf func_info"), and of functions that hold tail calls. All are said to be static, so the
 * kernel looks into each call instead of trusting a prototype; which one is written here does not matter then.
 */
import { functionTarget, type Instruction, isTailCall } from '@cpumap/bpf';
import { attrOf, BPF_CMD, BTF_LOAD_ATTR } from './attr.ts';
import { bpfError, libc } from './libc.ts';

/** Kinds of include/uapi/linux/btf.h, and the first word behind a type's name. */
const KIND = { INT: 1, FUNC: 12, FUNC_PROTO: 13 } as const;
const info = (kind: number, vlen = 0): number => (kind << 24) | vlen;
const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
/** An int: 32 bits, signed. */
const INT_TYPE = 1;
const PROTO_TYPE = 2;
const FIRST_FUNC = 3;

export interface FunctionBtf {
  readonly fd: number;
  /** struct bpf_func_info of each function: its first slot, its type. */
  readonly funcInfo: Uint8Array;
  readonly count: number;
  close(): void;
}

/** The first slots of a program's functions, in order. */
export function functionStarts(instructions: readonly Instruction[]): number[] {
  const starts = instructions.map(functionTarget).filter((slot) => slot !== undefined);
  return [...new Set([0, ...starts])].sort((a, b) => a - b);
}

/** The BTF of functions that begin at these slots. */
export function encodeFunctionBtf(starts: readonly number[]): Uint8Array {
  const names = ['', 'int', ...starts.map((slot) => `f${slot}`)];
  const strings = new TextEncoder().encode(`${names.join('\0')}\0`);
  const offsetOf = (index: number): number => names.slice(0, index).reduce((sum, { length }) => sum + length + 1, 0);
  const types = [
    [offsetOf(1), info(KIND.INT), 4, (1 << 24) | 32],
    [0, info(KIND.FUNC_PROTO), INT_TYPE],
    ...starts.map((_, i) => [offsetOf(i + 2), info(KIND.FUNC), PROTO_TYPE]),
  ].flat();
  const bytes = new Uint8Array(HEADER_BYTES + types.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, 1); // version
  const header = [HEADER_BYTES, 0, types.length * 4, types.length * 4, strings.length];
  for (const [i, word] of [...header, ...types].entries()) view.setUint32(4 + 4 * i, word, true);
  bytes.set(strings, HEADER_BYTES + types.length * 4);
  return bytes;
}

/** undefined for a program of one function, which needs none. @throws KernelError */
export function loadFunctionBtf(instructions: readonly Instruction[]): FunctionBtf | undefined {
  const starts = functionStarts(instructions);
  if (starts.length === 1 && !instructions.some(isTailCall)) return undefined;
  const c = libc();
  const btf = encodeFunctionBtf(starts);
  const fd = c.bpf(BPF_CMD.BTF_LOAD, attrOf(c, BTF_LOAD_ATTR, { btf, btf_size: btf.length }));
  if (fd < 0) throw bpfError('BPF_BTF_LOAD', fd);
  const words = Uint32Array.from(starts.flatMap((slot, i) => [slot, FIRST_FUNC + i]));
  return { fd, funcInfo: new Uint8Array(words.buffer), count: starts.length, close: () => c.close(fd) };
}
