/** Registers as words of their own, so that r1 and the number 1 cannot be mixed up. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';
/** A register, or a number that fits in 32 bits. */
export type Operand = Register | number;

export const r0 = 'r0';
export const r1 = 'r1';
export const r2 = 'r2';
export const r3 = 'r3';
export const r4 = 'r4';
export const r5 = 'r5';
export const r6 = 'r6';
export const r7 = 'r7';
export const r8 = 'r8';
export const r9 = 'r9';
export const r10 = 'r10';
