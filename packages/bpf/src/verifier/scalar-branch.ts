/**
 * What a comparison says about two numbers: whether it must hold, and what both are where it does.
 *
 * A comparison is written as its code of the opcode; the branch that is not taken is the opposite code, with one that no
 * instruction has for "no common bit".
 */
import { BPF_JMP } from '../isa/opcodes.ts';
import { copyOf, empty, isEmpty, normalize, type Scalar, setTnum } from './scalar.ts';
import { type Tnum, tnumIntersect, tnumsDisjoint, U32, U64 } from './tnum.ts';

/** `(a & b) == 0`. */
export const NOT_SET = 0xf0;

const { JEQ, JNE, JSET, JGT, JGE, JLT, JLE, JSGT, JSGE, JSLT, JSLE } = BPF_JMP;

const OPPOSITE: ReadonlyMap<number, number> = new Map([
  [JEQ, JNE],
  [JNE, JEQ],
  [JSET, NOT_SET],
  [NOT_SET, JSET],
  [JGT, JLE],
  [JLE, JGT],
  [JGE, JLT],
  [JLT, JGE],
  [JSGT, JSLE],
  [JSLE, JSGT],
  [JSGE, JSLT],
  [JSLT, JSGE],
]);

/** The same comparison with its operands exchanged. */
const MIRROR: ReadonlyMap<number, number> = new Map([
  [JGT, JLT],
  [JLT, JGT],
  [JGE, JLE],
  [JLE, JGE],
  [JSGT, JSLT],
  [JSLT, JSGT],
  [JSGE, JSLE],
  [JSLE, JSGE],
]);

export function oppositeOf(code: number): number {
  return OPPOSITE.get(code)!;
}

export function mirrorOf(code: number): number {
  return MIRROR.get(code) ?? code;
}

function half({ value, mask }: Tnum): Tnum {
  return { value: value & U32, mask: mask & U32 };
}

interface Range<T> {
  readonly min: T;
  readonly max: T;
}

function less<T>(a: Range<T>, b: Range<T>): boolean | undefined {
  if (a.max < b.min) return true;
  return a.min >= b.max ? false : undefined;
}

function negated(known: boolean | undefined): boolean | undefined {
  return known === undefined ? undefined : !known;
}

function disjoint<T>(a: Range<T>, b: Range<T>): boolean {
  return a.max < b.min || b.max < a.min;
}

const unsigned = (s: Scalar, wide: boolean): Range<bigint | number> =>
  wide ? { min: s.umin, max: s.umax } : { min: s.u32min, max: s.u32max };
const signed = (s: Scalar, wide: boolean): Range<bigint | number> =>
  wide ? { min: s.smin, max: s.smax } : { min: s.s32min, max: s.s32max };

/** Whether the comparison holds: undefined where it depends on what is not known. */
export function isTaken(code: number, a: Scalar, b: Scalar, wide: boolean): boolean | undefined {
  const u = (s: Scalar) => unsigned(s, wide);
  const s = (of: Scalar) => signed(of, wide);
  switch (code) {
    case JEQ: {
      const [x, y] = wide ? [a, b] : [half(a), half(b)];
      if (x.mask === 0n && y.mask === 0n) return x.value === y.value;
      return tnumsDisjoint(x, y) || disjoint(u(a), u(b)) || disjoint(s(a), s(b)) ? false : undefined;
    }
    case JNE:
      return negated(isTaken(JEQ, a, b, wide));
    case JSET: {
      const bits = wide ? U64 : U32;
      if ((a.value & b.value & bits) !== 0n) return true;
      return ((a.value | a.mask) & (b.value | b.mask) & bits) === 0n ? false : undefined;
    }
    case JLT:
      return less(u(a), u(b));
    case JGT:
      return less(u(b), u(a));
    case JGE:
      return negated(less(u(a), u(b)));
    case JLE:
      return negated(less(u(b), u(a)));
    case JSLT:
      return less(s(a), s(b));
    case JSGT:
      return less(s(b), s(a));
    case JSGE:
      return negated(less(s(a), s(b)));
    default:
      return negated(less(s(b), s(a)));
  }
}

/** Makes `s` know `tnum` of its lower half, or of all of it. */
function learnBits(s: Scalar, tnum: Tnum, wide: boolean): void {
  const all = wide ? tnum : { value: tnum.value & U32, mask: (tnum.mask & U32) | (~U32 & U64) };
  if (tnumsDisjoint(s, all)) empty(s);
  else setTnum(s, tnumIntersect(s, all));
}

function equal(a: Scalar, b: Scalar, wide: boolean): void {
  const [x, y] = [copyOf(a), copyOf(b)];
  for (const [to, from] of [
    [a, y],
    [b, x],
  ] as const) {
    if (wide) {
      if (from.umin > to.umin) to.umin = from.umin;
      if (from.umax < to.umax) to.umax = from.umax;
      if (from.smin > to.smin) to.smin = from.smin;
      if (from.smax < to.smax) to.smax = from.smax;
    }
    to.u32min = Math.max(to.u32min, from.u32min);
    to.u32max = Math.min(to.u32max, from.u32max);
    to.s32min = Math.max(to.s32min, from.s32min);
    to.s32max = Math.min(to.s32max, from.s32max);
    learnBits(to, from, wide);
  }
}

/** `a` is not the constant `b`: of use where that is one end of a range. */
function notEqual(a: Scalar, b: Scalar, wide: boolean): void {
  if (wide) {
    if (!b.isConst) return;
    if (a.umin === b.umin) a.umin++;
    if (a.umax === b.umin) a.umax--;
    if (a.smin === b.smin) a.smin++;
    if (a.smax === b.smin) a.smax--;
    return;
  }
  if (b.u32min !== b.u32max) return;
  if (a.u32min === b.u32min) a.u32min++;
  if (a.u32max === b.u32min) a.u32max--;
  if (a.s32min === b.s32min) a.s32min++;
  if (a.s32max === b.s32min) a.s32max--;
}

function notSet(a: Scalar, b: Scalar, wide: boolean): void {
  if (b.mask === 0n) learnBits(a, { value: 0n, mask: ~b.value & U64 }, wide);
}

function set(a: Scalar, b: Scalar, wide: boolean): void {
  const bits = wide ? b.value : b.value & U32;
  if (b.mask === 0n && bits !== 0n && (bits & (bits - 1n)) === 0n) {
    learnBits(a, { value: bits, mask: ~bits & U64 }, wide);
  }
}

/** `a` is at most `b`, less `gap` (1 for "less than"). */
function unsignedOrder(a: Scalar, b: Scalar, wide: boolean, gap: 0 | 1): void {
  if (wide) {
    const step = BigInt(gap);
    if (b.umax - step < a.umax) a.umax = b.umax - step;
    if (a.umin + step > b.umin) b.umin = a.umin + step;
    if (a.umax < 0n || b.umin > U64) empty(a);
    return;
  }
  a.u32max = Math.min(a.u32max, b.u32max - gap);
  b.u32min = Math.max(b.u32min, a.u32min + gap);
  if (a.u32max < a.u32min || b.u32min > b.u32max) empty(a);
}

function signedOrder(a: Scalar, b: Scalar, wide: boolean, gap: 0 | 1): void {
  if (wide) {
    const step = BigInt(gap);
    if (b.smax - step < a.smax) a.smax = b.smax - step;
    if (a.smin + step > b.smin) b.smin = a.smin + step;
    return;
  }
  a.s32max = Math.min(a.s32max, b.s32max - gap);
  b.s32min = Math.max(b.s32min, a.s32min + gap);
}

function learn(code: number, a: Scalar, b: Scalar, wide: boolean): void {
  switch (code) {
    case JEQ:
      equal(a, b, wide);
      break;
    case JNE:
      notEqual(a, b, wide);
      notEqual(b, a, wide);
      break;
    case JSET:
      set(a, b, wide);
      set(b, a, wide);
      break;
    case NOT_SET:
      notSet(a, b, wide);
      notSet(b, a, wide);
      break;
    case JLT:
      unsignedOrder(a, b, wide, 1);
      break;
    case JLE:
      unsignedOrder(a, b, wide, 0);
      break;
    case JGT:
      unsignedOrder(b, a, wide, 1);
      break;
    case JGE:
      unsignedOrder(b, a, wide, 0);
      break;
    case JSLT:
      signedOrder(a, b, wide, 1);
      break;
    case JSLE:
      signedOrder(a, b, wide, 0);
      break;
    case JSGT:
      signedOrder(b, a, wide, 1);
      break;
    default:
      signedOrder(b, a, wide, 0);
  }
}

interface Refined {
  readonly a: Scalar;
  readonly b: Scalar;
}

/** Both operands where the comparison holds; undefined where it cannot. */
export function refine(code: number, a: Scalar, b: Scalar, wide: boolean): Refined | undefined {
  const [x, y] = [copyOf(a, [a, b]), copyOf(b, [a, b])];
  learn(code, x, y, wide);
  if (isEmpty(x) || isEmpty(y)) return undefined;
  normalize(x);
  normalize(y);
  return isEmpty(x) || isEmpty(y) ? undefined : { a: x, b: y };
}
