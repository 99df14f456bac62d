/**
 * A number in a register, as far as it is known: its bits (tnum) and its ranges as u64, s64, u32 and s32, each of which
 * may know what the others do not. Documentation/bpf/verifier.rst, "Register value tracking".
 *
 * Which object a register holds matters too. Copies share one object: what a branch finds out about one holds for all.
 * `root` and `delta` do the same for copies to which a constant was added.
 *
 * Precision. A Scalar remembers what it was computed from. When safety comes to depend on it (it moves a pointer, decides
 * a branch, is a size), it and all that it came from are marked `precise`. States that were kept for pruning hold the
 * same objects, so the marks arrive there by themselves, and only precise numbers are compared. This takes the place of
 * the kernel's walk backwards over the instructions.
 */
import { type Tnum, tnumIn, tnumIntersect, tnumRange, tnumsDisjoint, U32, U64 } from './tnum.ts';

export const S64_MIN = -(1n << 63n);
export const S64_MAX = (1n << 63n) - 1n;
export const U32_MAX = 0xffff_ffff;
export const S32_MIN = -0x8000_0000;
export const S32_MAX = 0x7fff_ffff;
const SIGN = 1n << 63n;
const SIGN32 = 0x8000_0000;
const HIGH = ~U32 & U64;

export class Scalar {
  readonly kind = 'scalar';
  value = 0n;
  mask = U64;
  umin = 0n;
  umax = U64;
  smin = S64_MIN;
  smax = S64_MAX;
  u32min = 0;
  u32max = U32_MAX;
  s32min = S32_MIN;
  s32max = S32_MAX;
  precise = false;
  sources: Scalar[] | undefined;
  /** undefined: it is its own root. */
  root: Scalar | undefined;
  delta = 0n;

  constructor(sources?: Scalar[]) {
    this.sources = sources;
  }

  get isConst(): boolean {
    return this.mask === 0n;
  }
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const signed = (n: bigint): bigint => BigInt.asIntN(64, n);

/** `value` in any representation of its 64 bits. */
export function constant(value: bigint, sources?: Scalar[]): Scalar {
  const s = new Scalar(sources);
  s.value = BigInt.asUintN(64, value);
  s.mask = 0n;
  s.umin = s.value;
  s.umax = s.value;
  s.smin = signed(value);
  s.smax = s.smin;
  s.u32min = Number(s.value & U32);
  s.u32max = s.u32min;
  s.s32min = s.u32min | 0;
  s.s32max = s.s32min;
  return s;
}

export function unknown(sources?: Scalar[]): Scalar {
  return new Scalar(sources);
}

/** What a load of so many bytes can give. */
export function unknownOfSize(size: number, signExtended = false): Scalar {
  const s = new Scalar();
  if (size === 8) return s;
  const bits = size * 8;
  if (signExtended) {
    s.smin = -(1n << BigInt(bits - 1));
    s.smax = -s.smin - 1n;
  } else {
    s.umax = (1n << BigInt(bits)) - 1n;
    s.mask = s.umax;
  }
  normalize(s);
  return s;
}

/** A new object with the same bounds; `sources` is what it came from. */
export function copyOf(from: Scalar, sources?: Scalar[]): Scalar {
  const s = new Scalar(sources);
  s.value = from.value;
  s.mask = from.mask;
  s.umin = from.umin;
  s.umax = from.umax;
  s.smin = from.smin;
  s.smax = from.smax;
  s.u32min = from.u32min;
  s.u32max = from.u32max;
  s.s32min = from.s32min;
  s.s32max = from.s32max;
  return s;
}

export function setTnum(s: Scalar, { value, mask }: Tnum): void {
  s.value = value;
  s.mask = mask;
}

/** The number, of a constant. */
export function numberOf(s: Scalar): bigint {
  return s.smin;
}

export function rootOf(s: Scalar): Scalar {
  return s.root ?? s;
}

/** Safety depends on it: see the head of this file. */
export function markPrecise(scalar: Scalar): void {
  if (scalar.precise) return;
  const work = [scalar];
  scalar.precise = true;
  for (let s = work.pop(); s !== undefined; s = work.pop()) {
    if (s.root !== undefined && !s.root.precise) {
      s.root.precise = true;
      work.push(s.root);
    }
    for (const source of s.sources ?? []) {
      if (source.precise) continue;
      source.precise = true;
      work.push(source);
    }
    s.sources = undefined; // all that it came from is marked: let it go
  }
}

/** Whatever makes `scalar` precise later makes `source` precise, too. */
export function addSource(scalar: Scalar, source: Scalar): void {
  if (scalar === source) return;
  if (scalar.precise) markPrecise(source);
  else if (scalar.sources === undefined) scalar.sources = [source];
  else scalar.sources.push(source);
}

/** Whether all numbers that `b` may be are among those of `a`. */
export function contains(a: Scalar, b: Scalar): boolean {
  if (a === b) return true;
  return (
    a.umin <= b.umin &&
    a.umax >= b.umax &&
    a.smin <= b.smin &&
    a.smax >= b.smax &&
    a.u32min <= b.u32min &&
    a.u32max >= b.u32max &&
    a.s32min <= b.s32min &&
    a.s32max >= b.s32max &&
    tnumIn(a, b)
  );
}

export function sameBounds(a: Scalar, b: Scalar): boolean {
  return contains(a, b) && contains(b, a);
}

/** Whether the bounds contradict each other: no number is left. */
export function isEmpty(s: Scalar): boolean {
  return s.umin > s.umax || s.smin > s.smax || s.u32min > s.u32max || s.s32min > s.s32max;
}

/** u32 and s32 learn from each other: they agree where the range does not cross a sign. */
function deduce32(s: Scalar): void {
  if (s.s32min >= 0 || s.s32max < 0) {
    s.u32min = Math.max(s.u32min, s.s32min >>> 0);
    s.u32max = Math.min(s.u32max, s.s32max >>> 0);
  } else if (s.u32min > s.s32max && s.u32min < SIGN32) {
    s.u32min = SIGN32; // not between 0 and s32max, so negative
  } else if (s.u32max < s.s32min >>> 0 && s.u32max >= SIGN32) {
    s.u32max = SIGN32 - 1;
  }
  if (s.u32max < SIGN32 || s.u32min >= SIGN32) {
    s.s32min = Math.max(s.s32min, s.u32min | 0);
    s.s32max = Math.min(s.s32max, s.u32max | 0);
  }
}

function deduce64(s: Scalar): void {
  if (s.smin >= 0n || s.smax < 0n) {
    s.umin = max(s.umin, BigInt.asUintN(64, s.smin));
    s.umax = min(s.umax, BigInt.asUintN(64, s.smax));
  } else if (s.umin > s.smax && s.umin < SIGN) {
    s.umin = SIGN;
  } else if (s.umax < BigInt.asUintN(64, s.smin) && s.umax >= SIGN) {
    s.umax = SIGN - 1n;
  }
  if (s.umax < SIGN || s.umin >= SIGN) {
    s.smin = max(s.smin, signed(s.umin));
    s.smax = min(s.smax, signed(s.umax));
  }
}

/** The halves learn from the whole where all numbers share their upper half. */
function deduceLow(s: Scalar): void {
  if (s.umin >> 32n === s.umax >> 32n) {
    s.u32min = Math.max(s.u32min, Number(s.umin & U32));
    s.u32max = Math.min(s.u32max, Number(s.umax & U32));
  }
  if (s.smin >> 32n === s.smax >> 32n) {
    s.u32min = Math.max(s.u32min, Number(s.smin & U32));
    s.u32max = Math.min(s.u32max, Number(s.smax & U32));
  }
  if (s.smin >= BigInt(S32_MIN) && s.smax <= BigInt(S32_MAX)) {
    s.s32min = Math.max(s.s32min, Number(s.smin));
    s.s32max = Math.min(s.s32max, Number(s.smax));
  }
}

/** The whole learns from its lower half. */
function deduceWhole(s: Scalar): void {
  const low = BigInt(s.u32min);
  const high = BigInt(s.u32max);
  s.umin = max(s.umin, (s.umin & HIGH) | low);
  s.umax = min(s.umax, (s.umax & HIGH) | high);
  s.smin = max(s.smin, signed((BigInt.asUintN(64, s.smin) & HIGH) | low));
  s.smax = min(s.smax, signed((BigInt.asUintN(64, s.smax) & HIGH) | high));
  if (s.s32min >= 0 && s.smin >= BigInt(S32_MIN) && s.smax <= BigInt(S32_MAX)) {
    s.smin = max(s.smin, BigInt(s.s32min));
    s.smax = min(s.smax, BigInt(s.s32max));
  }
}

/** Ranges learn from bits. */
function rangesFromBits(s: Scalar): void {
  const all = s.value | s.mask;
  s.umin = max(s.umin, s.value);
  s.umax = min(s.umax, all);
  s.smin = max(s.smin, signed(s.value | (s.mask & SIGN)));
  s.smax = min(s.smax, signed(s.value | (s.mask & ~SIGN)));
  const low = Number(s.value & U32);
  const lowMask = Number(s.mask & U32);
  s.u32min = Math.max(s.u32min, low);
  s.u32max = Math.min(s.u32max, Number(all & U32));
  s.s32min = Math.max(s.s32min, low | (lowMask & SIGN32) | 0);
  s.s32max = Math.min(s.s32max, low | (lowMask & ~SIGN32) | 0);
}

/** Bits learn from ranges. Ranges that contradict them are left for isEmpty to find. */
function bitsFromRanges(s: Scalar): void {
  const whole = tnumRange(s.umin, s.umax);
  const low = tnumRange(BigInt(s.u32min), BigInt(s.u32max));
  const half: Tnum = { value: low.value, mask: low.mask | HIGH };
  if (tnumsDisjoint(s, whole)) return void empty(s);
  setTnum(s, tnumIntersect(s, whole));
  if (tnumsDisjoint(s, half)) return void empty(s);
  setTnum(s, tnumIntersect(s, half));
}

export function empty(s: Scalar): void {
  s.umin = 1n;
  s.umax = 0n;
}

/** Lets every bound learn from every other. To be called whenever one has been changed by hand. */
export function normalize(s: Scalar): void {
  rangesFromBits(s);
  for (let i = 0; i < 3; i++) {
    const { umin, umax, smin, smax, u32min, u32max, s32min, s32max } = s;
    deduceLow(s);
    deduce32(s);
    deduce64(s);
    deduceWhole(s);
    if (isEmpty(s)) return;
    const same = umin === s.umin && umax === s.umax && smin === s.smin && smax === s.smax;
    if (same && u32min === s.u32min && u32max === s.u32max && s32min === s.s32min && s32max === s.s32max) break;
  }
  bitsFromRanges(s);
  if (!isEmpty(s)) rangesFromBits(s);
}
