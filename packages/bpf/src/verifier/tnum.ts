/**
 * Tristate numbers: what is known of a number's bits. A bit is 0 or 1 as in `value` where `mask` has 0, and unknown where
 * `mask` has 1 (`value` has 0 there). Documentation/bpf/verifier.rst, "Register value tracking".
 */

export interface Tnum {
  /** Unsigned, 64 bits. */
  readonly value: bigint;
  readonly mask: bigint;
}

export const U64 = 0xffff_ffff_ffff_ffffn;
export const U32 = 0xffff_ffffn;

const wrap = (n: bigint): bigint => n & U64;

function tnumConst(value: bigint): Tnum {
  return { value, mask: 0n };
}

function bitLength(n: bigint): bigint {
  return n === 0n ? 0n : BigInt(n.toString(2).length);
}

/** The smallest tnum that holds all numbers from min to max: their common high bits. */
export function tnumRange(min: bigint, max: bigint): Tnum {
  const low = (1n << bitLength(min ^ max)) - 1n;
  return { value: min & ~low & U64, mask: low };
}

export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  const least = wrap(a.value + b.value);
  const most = wrap(a.mask + b.mask + least);
  const mask = (most ^ least) | a.mask | b.mask; // where a carry may or may not arrive
  return { value: least & ~mask & U64, mask };
}

export function tnumSub(a: Tnum, b: Tnum): Tnum {
  const difference = wrap(a.value - b.value);
  const mask = (wrap(difference + a.mask) ^ wrap(difference - b.mask)) | a.mask | b.mask;
  return { value: difference & ~mask & U64, mask };
}

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const value = a.value & b.value;
  return { value, mask: (a.value | a.mask) & (b.value | b.mask) & ~value & U64 };
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const value = a.value | b.value;
  return { value, mask: (a.mask | b.mask) & ~value & U64 };
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask;
  return { value: (a.value ^ b.value) & ~mask & U64, mask };
}

/** Long multiplication: each bit of `a` that may be set adds `b`, as known or as unknown bits. */
export function tnumMul(a: Tnum, b: Tnum): Tnum {
  const product = wrap(a.value * b.value);
  let sum: Tnum = { value: 0n, mask: 0n };
  let { value, mask } = a;
  let { value: bValue, mask: bMask } = b;
  while (value !== 0n || mask !== 0n) {
    if ((value & 1n) !== 0n) sum = tnumAdd(sum, { value: 0n, mask: bMask });
    else if ((mask & 1n) !== 0n) sum = tnumAdd(sum, { value: 0n, mask: bValue | bMask });
    value >>= 1n;
    mask >>= 1n;
    bValue = wrap(bValue << 1n);
    bMask = wrap(bMask << 1n);
  }
  return tnumAdd(tnumConst(product), sum);
}

export function tnumLeft(a: Tnum, by: bigint): Tnum {
  return { value: wrap(a.value << by), mask: wrap(a.mask << by) };
}

export function tnumRight(a: Tnum, by: bigint): Tnum {
  return { value: a.value >> by, mask: a.mask >> by };
}

/** An arithmetic shift of the low `bits`; an unknown sign fills with unknown bits. */
export function tnumArithmeticRight(a: Tnum, by: bigint, bits: 32 | 64): Tnum {
  const shift = (n: bigint): bigint => BigInt.asUintN(bits, BigInt.asIntN(bits, n) >> by);
  return { value: shift(a.value), mask: shift(a.mask) };
}

/** What both say; they must not contradict each other. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask & b.mask;
  return { value: (a.value | b.value) & ~mask & U64, mask };
}

/** Whether no number is in both. */
export function tnumsDisjoint(a: Tnum, b: Tnum): boolean {
  return ((a.value ^ b.value) & ~(a.mask | b.mask) & U64) !== 0n;
}

/** Whether all numbers of `b` are in `a`. */
export function tnumIn(a: Tnum, b: Tnum): boolean {
  return (b.mask & ~a.mask & U64) === 0n && a.value === (b.value & ~a.mask & U64);
}
