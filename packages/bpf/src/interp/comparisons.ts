/** When a conditional jump is taken: of signed 32-bit numbers, and of 64-bit ones in two halves. */
import { BPF_JMP } from '../isa/opcodes.ts';

export type Compare32 = (a: number, b: number) => boolean;
export type Compare64 = (aLo: number, aHi: number, bLo: number, bHi: number) => boolean;

const COMPARE32: ReadonlyMap<number, Compare32> = new Map<number, Compare32>([
  [BPF_JMP.JEQ, (a, b) => a === b],
  [BPF_JMP.JNE, (a, b) => a !== b],
  [BPF_JMP.JSET, (a, b) => (a & b) !== 0],
  [BPF_JMP.JGT, (a, b) => a >>> 0 > b >>> 0],
  [BPF_JMP.JGE, (a, b) => a >>> 0 >= b >>> 0],
  [BPF_JMP.JLT, (a, b) => a >>> 0 < b >>> 0],
  [BPF_JMP.JLE, (a, b) => a >>> 0 <= b >>> 0],
  [BPF_JMP.JSGT, (a, b) => a > b],
  [BPF_JMP.JSGE, (a, b) => a >= b],
  [BPF_JMP.JSLT, (a, b) => a < b],
  [BPF_JMP.JSLE, (a, b) => a <= b],
]);

const below: Compare64 = (aLo, aHi, bLo, bHi) => (aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi >>> 0 < bHi >>> 0);
const less: Compare64 = (aLo, aHi, bLo, bHi) => (aHi === bHi ? aLo >>> 0 < bLo >>> 0 : aHi < bHi);

const COMPARE64: ReadonlyMap<number, Compare64> = new Map<number, Compare64>([
  [BPF_JMP.JEQ, (aLo, aHi, bLo, bHi) => aLo === bLo && aHi === bHi],
  [BPF_JMP.JNE, (aLo, aHi, bLo, bHi) => aLo !== bLo || aHi !== bHi],
  [BPF_JMP.JSET, (aLo, aHi, bLo, bHi) => ((aLo & bLo) | (aHi & bHi)) !== 0],
  [BPF_JMP.JGT, (aLo, aHi, bLo, bHi) => below(bLo, bHi, aLo, aHi)],
  [BPF_JMP.JGE, (aLo, aHi, bLo, bHi) => !below(aLo, aHi, bLo, bHi)],
  [BPF_JMP.JLT, below],
  [BPF_JMP.JLE, (aLo, aHi, bLo, bHi) => !below(bLo, bHi, aLo, aHi)],
  [BPF_JMP.JSGT, (aLo, aHi, bLo, bHi) => less(bLo, bHi, aLo, aHi)],
  [BPF_JMP.JSGE, (aLo, aHi, bLo, bHi) => !less(aLo, aHi, bLo, bHi)],
  [BPF_JMP.JSLT, less],
  [BPF_JMP.JSLE, (aLo, aHi, bLo, bHi) => !less(bLo, bHi, aLo, aHi)],
]);

/** By the code of the opcode. */
export function compare32(code: number): Compare32 {
  return COMPARE32.get(code)!;
}

export function compare64(code: number): Compare64 {
  return COMPARE64.get(code)!;
}
