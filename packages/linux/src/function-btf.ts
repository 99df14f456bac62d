/**
 * BTF for a program's functions, made from nothing but where they begin. Linux wants it of programs that pass functions to
 * helpers (since 5.13: "missing btf func_info"), and of functions that hold tail calls. All are said to be static, so the
 * kernel looks into each call instead of trusting a prototype; which one is written here does not matter then.
 */
import { functionTarget, type Instruction, isTailCall } from '@cpumap/bpf';
import { BTF_KIND, type BtfTypeWords, loadBtf } from './encode-btf.ts';
import { libc } from './libc.ts';

const INT: BtfTypeWords = { name: 'int', kind: BTF_KIND.INT, sizeOrType: 4, rest: [(1 << 24) | 32] };
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

/** The types of functions that begin at these slots. */
export function functionTypes(starts: readonly number[]): BtfTypeWords[] {
  return [
    INT,
    { name: '', kind: BTF_KIND.FUNC_PROTO, sizeOrType: INT_TYPE },
    ...starts.map((slot) => ({ name: `f${slot}`, kind: BTF_KIND.FUNC, sizeOrType: PROTO_TYPE })),
  ];
}

/** undefined for a program of one function, which needs none. @throws KernelError */
export function loadFunctionBtf(instructions: readonly Instruction[]): FunctionBtf | undefined {
  const starts = functionStarts(instructions);
  if (starts.length === 1 && !instructions.some(isTailCall)) return undefined;
  const fd = loadBtf(functionTypes(starts));
  const words = Uint32Array.from(starts.flatMap((slot, i) => [slot, FIRST_FUNC + i]));
  return { fd, funcInfo: new Uint8Array(words.buffer), count: starts.length, close: () => libc().close(fd) };
}
