/**
 * The functions behind helper ids on one CPU, and how the interpreter calls the same functions that compiled programs do.
 */
import { BPF_FUNC, type BpfFuncName } from '@cpumap/uapi';
import type { InterpreterHelper } from '../interp/interpreter-helper.ts';
import { type HelperSignature, type JitHelper, paramsOf } from '../jit/signatures.ts';
import { HELPER_SIGNATURES } from './helper-signatures.ts';

/** By helper id; types as in HELPER_SIGNATURES. */
export type HelperTable = Readonly<Record<number, JitHelper>>;

/** A table from helpers by name. */
export function helperTable(helpers: Partial<Readonly<Record<BpfFuncName, JitHelper>>>): HelperTable {
  return Object.fromEntries(Object.entries(helpers).map(([name, helper]) => [BPF_FUNC[name as BpfFuncName], helper]));
}

function interpreterHelper(signature: HelperSignature, helper: JitHelper): InterpreterHelper {
  const params = paramsOf(signature);
  const call = helper as (...args: (number | bigint)[]) => number | bigint;
  const isPointer = signature.result === 'u32';
  if (params.every((kind) => kind === 'i32')) {
    return (r1, r2, r3, r4, r5) => {
      const value = call(r1, r2, r3, r4, r5);
      return isPointer ? Number(value) >>> 0 : value;
    };
  }
  return (_1, _2, _3, _4, _5, registers) => {
    const args = params.flatMap((kind, i): (number | bigint)[] => {
      const lo = registers[2 * i + 2]!;
      const hi = registers[2 * i + 3]!;
      if (kind === 'i32') return [lo];
      return kind === 'halves' ? [lo, hi] : [(BigInt(hi) << 32n) | BigInt(lo >>> 0)];
    });
    const value = call(...args);
    return isPointer ? Number(value) >>> 0 : value;
  };
}

/** The same helpers for the interpreter. */
export function interpreterHelpers(table: HelperTable): Readonly<Record<number, InterpreterHelper>> {
  return Object.fromEntries(
    Object.entries(table).map(([id, helper]) => [id, interpreterHelper(HELPER_SIGNATURES[Number(id)]!, helper)]),
  );
}
