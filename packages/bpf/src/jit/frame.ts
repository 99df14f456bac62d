/**
 * Where things are in a compiled module: locals of its functions, globals, and the codes of faults.
 *
 * A function of the program is (r1 to r5, r10) -> r0, all i64. Registers are locals; r6 to r9 are therefore each
 * function's own, and begin as 0.
 */
import type { FaultKind } from '../interp/fault.ts';
import type { FunctionType } from './wasm-encoder.ts';
import type { ValueType } from './wasm-opcodes.ts';

/** MAX_CALL_FRAMES and MAX_BPF_STACK of the kernel. */
export const MAX_CALL_FRAMES = 8;
export const FRAME_STACK = 512;
/** Bytes that a program's stack must have. */
export const JIT_STACK_SIZE = MAX_CALL_FRAMES * FRAME_STACK;

export const SUBPROGRAM_TYPE: FunctionType = {
  params: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64'],
  results: ['i64'],
};

export const CALLBACK_TYPE: FunctionType = { params: ['i32', 'i32', 'i32', 'i32', 'i32'], results: ['i32'] };

/** The local of each register. */
const REGISTER = [6, 0, 1, 2, 3, 4, 7, 8, 9, 10, 5] as const;
export function register(n: number): number {
  return REGISTER[n]!;
}

export const LOCAL = {
  address: 11,
  temporary: 12,
  packet: 13,
  /** By log2 of the access's size: how many addresses from `packet` on such an access may begin at. */
  limit: [14, 15, 16, 17],
  choice: 18,
  budget: 19,
  /** For the code of inlined helpers. */
  scratch: [20, 21, 22],
} as const;
/** The locals behind the parameters, in order. */
export const LOCAL_TYPES: readonly ValueType[] = [
  ...Array<ValueType>(12).fill('i64'),
  ...Array<ValueType>(5).fill('i32'),
];

/** The first three are imported: what differs from CPU to CPU. */
export const GLOBAL = {
  regions: 0,
  /** The CPU's number. */
  cpu: 1,
  /** An address of the CPU's own, for inlined helpers. */
  percpu: 2,
  stackEnd: 3,
  context: 4,
  faulted: 5,
  budget: 6,
  /** r10 of the function that called a helper which may call back. */
  frame: 7,
  result: 8,
} as const;
export const GLOBAL_IMPORTS = [
  { name: 'regions', type: 'i32' },
  { name: 'cpu', type: 'i32' },
  { name: 'percpu', type: 'i32' },
] as const;
export const GLOBAL_TYPES = ['i32', 'i32', 'i32', 'i32', 'i32', 'i64'] as const;

/** The imported function that takes a fault: kind, slot and the address in two halves. */
export const FAULT_IMPORT = { index: 0, name: 'fault' } as const;
export const FAULT_TYPE: FunctionType = { params: ['i32', 'i32', 'i32', 'i32'], results: [] };

/** By fault code. */
export const FAULT_KINDS: readonly FaultKind[] = [
  'access',
  'misaligned',
  'unknown-helper',
  'bad-call-target',
  'call-depth',
  'budget',
];
export function faultCode(kind: FaultKind): number {
  return FAULT_KINDS.indexOf(kind);
}
