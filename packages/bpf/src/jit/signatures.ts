/**
 * How a program calls helpers. Each has a signature, because the way from WebAssembly to JavaScript costs about 5 ns with
 * numbers and about 25 ns with a BigInt: what runs per packet takes and returns i32.
 */
import type { FunctionType } from './wasm-encoder.ts';

export interface HelperSignature {
  /**
   * How r1 to r5 are passed, as many as it uses: i32, the low half, signed; halves, two such numbers, the low one first;
   * i64, a BigInt. By default five i32.
   */
  readonly params?: readonly HelperParam[];
  /**
   * What it returns and r0 becomes. i32 (default): a number, sign-extended; u32: a number, zero-extended; f64: a whole
   * number beyond 32 bits, cut towards zero; i64: a BigInt.
   */
  readonly result?: 'i32' | 'u32' | 'f64' | 'i64';
  /** That it leaves the packet where it is, so that its bounds need not be read from the context again (about 1 ns). */
  readonly keepsPacket?: boolean;
  /** That it may call functions of the program. */
  readonly callsBack?: boolean;
}

export type HelperParam = 'i32' | 'halves' | 'i64';

/** A helper or kfunc, of the types that its signature says. */
export type JitHelper = (...args: never[]) => number | bigint;

const DEFAULT_PARAMS = ['i32', 'i32', 'i32', 'i32', 'i32'] as const;

export function paramsOf({ params = DEFAULT_PARAMS }: HelperSignature): readonly HelperParam[] {
  return params;
}

export function helperType(signature: HelperSignature): FunctionType {
  const { result = 'i32' } = signature;
  const params = paramsOf(signature).flatMap((param) => (param === 'halves' ? (['i32', 'i32'] as const) : [param]));
  return { params, results: [result === 'u32' ? 'i32' : result] };
}

/** bpf_tail_call: ctx, map, index, and where the next program's stack may end. See TailCall of the interpreter. */
export const TAIL_CALL_TYPE: FunctionType = { params: ['i32', 'i32', 'i32', 'i32'], results: ['f64'] };
export const TAIL_CALL_NAME = 'tailCall';
