/** The words and signs of the assembly language that disassembler and assembler share: those of LLVM's BPF assembler. */
import { BPF_ALU, BPF_ATOMIC, BPF_IMM64, BPF_JMP, BPF_SIZE } from '../isa/opcodes.ts';

/** Operators of `r1 OP r2`. Division and modulo are signed where offset is 1. */
export const ALU_SIGN: ReadonlyMap<number, string> = new Map([
  [BPF_ALU.ADD, '+='],
  [BPF_ALU.SUB, '-='],
  [BPF_ALU.MUL, '*='],
  [BPF_ALU.DIV, '/='],
  [BPF_ALU.OR, '|='],
  [BPF_ALU.AND, '&='],
  [BPF_ALU.LSH, '<<='],
  [BPF_ALU.RSH, '>>='],
  [BPF_ALU.MOD, '%='],
  [BPF_ALU.XOR, '^='],
  [BPF_ALU.MOV, '='],
  [BPF_ALU.ARSH, 's>>='],
]);

/** Operators of `if r1 OP r2 goto`. */
export const JUMP_SIGN: ReadonlyMap<number, string> = new Map([
  [BPF_JMP.JEQ, '=='],
  [BPF_JMP.JGT, '>'],
  [BPF_JMP.JGE, '>='],
  [BPF_JMP.JSET, '&'],
  [BPF_JMP.JNE, '!='],
  [BPF_JMP.JSGT, 's>'],
  [BPF_JMP.JSGE, 's>='],
  [BPF_JMP.JLT, '<'],
  [BPF_JMP.JLE, '<='],
  [BPF_JMP.JSLT, 's<'],
  [BPF_JMP.JSLE, 's<='],
]);

/** Operators of `lock *(u64 *)(r1 + 0x0) OP r2`. */
export const ATOMIC_SIGN: ReadonlyMap<number, string> = new Map([
  [BPF_ATOMIC.ADD, '+='],
  [BPF_ATOMIC.OR, '|='],
  [BPF_ATOMIC.AND, '&='],
  [BPF_ATOMIC.XOR, '^='],
]);

/** The word in `r2 = atomic_fetch_WORD(...)`, by the operation without its FETCH. */
export const ATOMIC_WORD: ReadonlyMap<number, string> = new Map([
  [BPF_ATOMIC.ADD, 'add'],
  [BPF_ATOMIC.OR, 'or'],
  [BPF_ATOMIC.AND, 'and'],
  [BPF_ATOMIC.XOR, 'xor'],
]);

export const SIZE_BITS: ReadonlyMap<number, 8 | 16 | 32 | 64> = new Map([
  [BPF_SIZE.B, 8],
  [BPF_SIZE.H, 16],
  [BPF_SIZE.W, 32],
  [BPF_SIZE.DW, 64],
]);

/**
 * 64-bit immediates that are no numbers, in the words of RFC 9669, section 5.4: `r1 = map_by_fd(0x5) ll`,
 * `r1 = map_val(map_by_fd(0x5)) + 0x8 ll`. LLVM has no text for them: an object names symbols there.
 */
export const REFERENCE_WORD: ReadonlyMap<number, string> = new Map([
  [BPF_IMM64.MAP_FD, 'map_by_fd'],
  [BPF_IMM64.MAP_IDX, 'map_by_idx'],
  [BPF_IMM64.VAR_ADDR, 'var_addr'],
  [BPF_IMM64.CODE_ADDR, 'code_addr'],
]);

/** The kinds that are an offset in the value of a map, by the kind that is the map. */
export const VALUE_KIND: ReadonlyMap<number, number> = new Map([
  [BPF_IMM64.MAP_FD, BPF_IMM64.MAP_VALUE],
  [BPF_IMM64.MAP_IDX, BPF_IMM64.MAP_IDX_VALUE],
]);

/** The same table read from text to number. */
export function inverse<K, V>(table: ReadonlyMap<K, V>): ReadonlyMap<V, K> {
  return new Map([...table].map(([key, value]) => [value, key]));
}
