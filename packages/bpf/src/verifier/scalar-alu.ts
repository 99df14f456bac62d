/**
 * Arithmetic on numbers that are partly known. Each function gives a new Scalar that holds every result that the
 * instruction can have; the property tests compare with the arithmetic of numbers that are known.
 *
 * The results of division and modulo are unknown, and so are shifts by an unknown distance, as in Linux 6.18.
 */
import { BPF_ALU } from '../isa/opcodes.ts';
import {
  constant,
  copyOf,
  normalize,
  numberOf,
  S32_MAX,
  S32_MIN,
  S64_MAX,
  S64_MIN,
  Scalar,
  setTnum,
  U32_MAX,
  unknown,
} from './scalar.ts';
import {
  tnumAdd,
  tnumAnd,
  tnumArithmeticRight,
  tnumLeft,
  tnumMul,
  tnumOr,
  tnumRight,
  tnumSub,
  tnumXor,
  U32,
  U64,
} from './tnum.ts';

/** Sets the u64 range to what wraps around to [low, high], if both ends wrap alike. */
function unsigned64(s: Scalar, low: bigint, high: bigint): void {
  if (high - low > U64 || low >> 64n !== high >> 64n) return;
  s.umin = BigInt.asUintN(64, low);
  s.umax = BigInt.asUintN(64, high);
}

function signed64(s: Scalar, low: bigint, high: bigint): void {
  if (high - low > U64 || (low + (1n << 63n)) >> 64n !== (high + (1n << 63n)) >> 64n) return;
  s.smin = BigInt.asIntN(64, low);
  s.smax = BigInt.asIntN(64, high);
}

/** The same for 32 bits; the ends are exact doubles. */
function unsigned32(s: Scalar, low: number, high: number): void {
  if (high - low > U32_MAX || Math.floor(low / 0x1_0000_0000) !== Math.floor(high / 0x1_0000_0000)) return;
  s.u32min = low >>> 0;
  s.u32max = high >>> 0;
}

function signed32(s: Scalar, low: number, high: number): void {
  const turn = (n: number): number => Math.floor((n + 0x8000_0000) / 0x1_0000_0000);
  if (high - low > U32_MAX || turn(low) !== turn(high)) return;
  s.s32min = low | 0;
  s.s32max = high | 0;
}

function add(s: Scalar, a: Scalar, b: Scalar): void {
  setTnum(s, tnumAdd(a, b));
  unsigned64(s, a.umin + b.umin, a.umax + b.umax);
  signed64(s, a.smin + b.smin, a.smax + b.smax);
  unsigned32(s, a.u32min + b.u32min, a.u32max + b.u32max);
  signed32(s, a.s32min + b.s32min, a.s32max + b.s32max);
}

function sub(s: Scalar, a: Scalar, b: Scalar): void {
  setTnum(s, tnumSub(a, b));
  unsigned64(s, a.umin - b.umax, a.umax - b.umin);
  signed64(s, a.smin - b.smax, a.smax - b.smin);
  unsigned32(s, a.u32min - b.u32max, a.u32max - b.u32min);
  signed32(s, a.s32min - b.s32max, a.s32max - b.s32min);
}

function corners<T extends bigint | number>(products: readonly T[]): { low: T; high: T } {
  let low: T = products[0]!;
  let high: T = low;
  for (const product of products) {
    if (product < low) low = product;
    if (product > high) high = product;
  }
  return { low, high };
}

function mul(s: Scalar, a: Scalar, b: Scalar): void {
  setTnum(s, a.isConst ? tnumMul(a, b) : tnumMul(b, a));
  if (a.umax * b.umax <= U64) unsigned64(s, a.umin * b.umin, a.umax * b.umax);
  const wide = corners([a.smin * b.smin, a.smin * b.smax, a.smax * b.smin, a.smax * b.smax]);
  if (wide.low >= S64_MIN && wide.high <= S64_MAX) signed64(s, wide.low, wide.high);
  const most = BigInt(a.u32max) * BigInt(b.u32max);
  if (most <= U32) unsigned32(s, a.u32min * b.u32min, Number(most));
  const narrow = corners([a.s32min * b.s32min, a.s32min * b.s32max, a.s32max * b.s32min, a.s32max * b.s32max]);
  if (narrow.low >= S32_MIN && narrow.high <= S32_MAX) signed32(s, narrow.low, narrow.high);
}

function and(s: Scalar, a: Scalar, b: Scalar): void {
  setTnum(s, tnumAnd(a, b));
  if (a.umax < s.umax) s.umax = a.umax;
  if (b.umax < s.umax) s.umax = b.umax;
  s.u32max = Math.min(a.u32max, b.u32max);
}

function or(s: Scalar, a: Scalar, b: Scalar): void {
  setTnum(s, tnumOr(a, b));
  if (a.umin > s.umin) s.umin = a.umin;
  if (b.umin > s.umin) s.umin = b.umin;
  s.u32min = Math.max(a.u32min, b.u32min);
}

function xor(s: Scalar, a: Scalar, b: Scalar): void {
  setTnum(s, tnumXor(a, b));
}

function left(s: Scalar, a: Scalar, by: number): void {
  const distance = BigInt(by);
  setTnum(s, tnumLeft(a, distance));
  if (a.umax << distance <= U64) unsigned64(s, a.umin << distance, a.umax << distance);
  if (by === 32) {
    // only the low half is left: the first step of extending its sign
    s.smin = BigInt(a.s32min) << 32n;
    s.smax = BigInt(a.s32max) << 32n;
  }
  if (by < 32 && a.u32max * 2 ** by <= U32_MAX) unsigned32(s, a.u32min * 2 ** by, a.u32max * 2 ** by);
}

function right(s: Scalar, a: Scalar, by: number): void {
  const distance = BigInt(by);
  setTnum(s, tnumRight(a, distance));
  s.umin = a.umin >> distance;
  s.umax = a.umax >> distance;
}

function arithmeticRight(s: Scalar, a: Scalar, by: number): void {
  const distance = BigInt(by);
  setTnum(s, tnumArithmeticRight(a, distance, 64));
  s.smin = a.smin >> distance;
  s.smax = a.smax >> distance;
}

/** The low half alone, zero-extended: what a 32-bit move gives. */
export function truncate(a: Scalar, sources: Scalar[] = [a]): Scalar {
  if (a.isConst) return constant(a.value & U32, sources);
  const s = new Scalar(sources);
  s.value = a.value & U32;
  s.mask = a.mask & U32;
  s.u32min = a.u32min;
  s.u32max = a.u32max;
  s.s32min = a.s32min;
  s.s32max = a.s32max;
  s.umin = BigInt(a.u32min);
  s.umax = BigInt(a.u32max);
  normalize(s);
  return s;
}

/** The low half, sign-extended: the operand of a signed 32-bit shift. */
function extended(a: Scalar): Scalar {
  const s = new Scalar();
  s.smin = BigInt(a.s32min);
  s.smax = BigInt(a.s32max);
  const half = a.mask & U32;
  s.mask = half | ((half & 0x8000_0000n) === 0n ? 0n : ~U32 & U64);
  s.value = BigInt.asUintN(64, BigInt.asIntN(32, a.value)) & ~s.mask & U64;
  normalize(s);
  return s;
}

/** The low `bits` bits, zero-extended: a narrow read of a number that lies in the stack. */
export function lowBits(a: Scalar, bits: number): Scalar {
  const mask = (1n << BigInt(bits)) - 1n;
  if (a.umax <= mask) return a;
  if (bits === 32) return truncate(a);
  const s = new Scalar([a]);
  and(s, a, constant(mask));
  normalize(s);
  return s;
}

/** The low `bits` bits with their bytes in the opposite order, zero-extended. */
export function swapBytes(a: Scalar, bits: number): Scalar {
  const swapped = (n: bigint): bigint => {
    let out = 0n;
    for (let at = 0; at < bits; at += 8) out = (out << 8n) | ((n >> BigInt(at)) & 0xffn);
    return out;
  };
  const s = unknown([a]);
  setTnum(s, { value: swapped(a.value), mask: swapped(a.mask) });
  normalize(s);
  return s;
}

/** The low `bits` bits, sign-extended to 64 or to 32. */
export function signExtend(a: Scalar, bits: number, wide: boolean): Scalar {
  const low = -(1n << BigInt(bits - 1));
  let s: Scalar;
  if (a.isConst) {
    s = constant(BigInt.asIntN(bits, a.value), [a]);
  } else if (a.smin >= low && a.smax < -low) {
    if (wide) return a;
    s = copyOf(a, [a]);
  } else if (bits === 32) {
    s = copyOf(extended(a), [a]);
  } else {
    s = unknown([a]);
    const narrow = a.mask & ((1n << BigInt(bits)) - 1n);
    s.mask = narrow | ((narrow & -low) === 0n ? 0n : U64 & ~((1n << BigInt(bits)) - 1n));
    s.value = BigInt.asUintN(64, BigInt.asIntN(bits, a.value)) & ~s.mask & U64;
    s.smin = low;
    s.smax = -low - 1n;
    normalize(s);
  }
  return wide ? s : truncate(s, [a]);
}

/** `-a`, in 64 or 32 bits. */
export function negate(a: Scalar, wide: boolean): Scalar {
  const s = new Scalar([a]);
  sub(s, constant(0n), a);
  normalize(s);
  return wide ? s : truncate(s, [a]);
}

const SIMPLE: ReadonlyMap<number, (s: Scalar, a: Scalar, b: Scalar) => void> = new Map([
  [BPF_ALU.ADD, add],
  [BPF_ALU.SUB, sub],
  [BPF_ALU.MUL, mul],
  [BPF_ALU.AND, and],
  [BPF_ALU.OR, or],
  [BPF_ALU.XOR, xor],
]);

function shift(code: number, a: Scalar, b: Scalar, wide: boolean, sources: Scalar[]): Scalar {
  const by = b.isConst ? b.u32min : 64;
  if (by >= (wide ? 64 : 32)) return wide ? unknown(sources) : truncate(unknown(), sources);
  const s = new Scalar(sources);
  if (code === BPF_ALU.LSH) left(s, a, by);
  else if (code === BPF_ALU.RSH) right(s, wide ? a : truncate(a), by);
  else arithmeticRight(s, wide ? a : extended(a), by);
  normalize(s);
  return wide ? s : truncate(s, sources);
}

/** The result of an arithmetic instruction, by the code in its opcode. */
export function arithmetic(code: number, a: Scalar, b: Scalar, wide: boolean): Scalar {
  const sources = [a, b];
  const simple = SIMPLE.get(code);
  if (simple === undefined) {
    if (code === BPF_ALU.LSH || code === BPF_ALU.RSH || code === BPF_ALU.ARSH) return shift(code, a, b, wide, sources);
    return unknown(sources);
  }
  const s = new Scalar(sources);
  simple(s, a, b);
  normalize(s);
  if (code === BPF_ALU.ADD && wide && b.isConst && !a.isConst) link(s, a, numberOf(b));
  return wide ? s : truncate(s, sources);
}

/** Notes that `s` is `a` plus a constant: what is found out about one holds for the other. */
function link(s: Scalar, a: Scalar, by: bigint): void {
  const delta = a.delta + by;
  if (delta < -0x8000_0000n || delta > 0x7fff_ffffn) return;
  s.root = a.root ?? a;
  s.delta = delta;
}

/** A number that is `base` plus `by`, exactly: of two that are linked, what is known of the other one. */
export function shifted(base: Scalar, by: bigint): Scalar {
  const s = new Scalar();
  add(s, base, constant(by));
  normalize(s);
  return s;
}
