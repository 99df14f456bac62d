/** What the interpreter calls for a helper. */

/**
 * A helper gets the low halves of r1 to r5 as signed 32-bit numbers, which for a pointer is the pointer. One that needs
 * all 64 bits reads `registers`: the halves of register n are at 2n and 2n + 1. What it returns, a whole number of up to
 * 53 bits or a BigInt, becomes r0, its sign extended to 64 bits.
 */
export type InterpreterHelper = (
  r1: number,
  r2: number,
  r3: number,
  r4: number,
  r5: number,
  registers: Int32Array,
) => number | bigint;
