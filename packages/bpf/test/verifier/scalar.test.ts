/** What is said of a number holds for every number that it may be: the one property that everything else rests on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BPF_ALU, BPF_JMP } from '../../src/isa/opcodes.ts';
import { constant, contains, isEmpty, normalize, type Scalar, setTnum, unknown } from '../../src/verifier/scalar.ts';
import {
  arithmetic,
  lowBits,
  negate,
  shifted,
  signExtend,
  swapBytes,
  truncate,
} from '../../src/verifier/scalar-alu.ts';
import { isTaken, NOT_SET, oppositeOf, refine } from '../../src/verifier/scalar-branch.ts';
import { tnumIntersect } from '../../src/verifier/tnum.ts';

const SEED = 20180106;
const RUNS = 20_000;
const least = (a: bigint, b: bigint): bigint => {
  if (a < b) return a;
  return b;
};
const u64 = (n: bigint): bigint => BigInt.asUintN(64, n);
const s64 = (n: bigint): bigint => BigInt.asIntN(64, n);

const edge = fc.constantFrom(
  0n,
  1n,
  7n,
  0x7fn,
  0xffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 32n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
);
const number = fc.oneof(
  edge,
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: -300n, max: 300n }).map(u64),
  fc.tuple(edge, fc.bigInt({ min: -3n, max: 3n })).map(([a, b]) => u64(a + b)),
);

interface Known {
  /** A number, and something that is true of it. */
  readonly n: bigint;
  readonly scalar: Scalar;
}

/** A number and true but loose bounds around it. */
const known: fc.Arbitrary<Known> = fc
  .record({
    n: number,
    mask: fc.option(number),
    u: fc.option(fc.tuple(number, number)),
    s: fc.option(fc.tuple(number, number)),
    u32: fc.option(fc.tuple(fc.nat(), fc.nat())),
    s32: fc.option(fc.tuple(fc.nat(), fc.nat())),
    isConst: fc.boolean(),
  })
  .map(({ n, mask, u, s, u32, s32, isConst }) => {
    if (isConst) return { n, scalar: constant(n) };
    const scalar = unknown();
    if (mask !== null) setTnum(scalar, tnumIntersect(scalar, { value: n & ~mask & ((1n << 64n) - 1n), mask }));
    if (u !== null) {
      scalar.umin = least(u[0], n);
      scalar.umax = -least(-u[1], -n);
    }
    if (s !== null) {
      scalar.smin = least(s64(s[0]), s64(n));
      scalar.smax = -least(-s64(s[1]), -s64(n));
    }
    const low = Number(n & 0xffff_ffffn);
    if (u32 !== null) {
      scalar.u32min = Math.max(0, low - u32[0]);
      scalar.u32max = Math.min(0xffff_ffff, low + u32[1]);
    }
    if (s32 !== null) {
      scalar.s32min = Math.max(-0x8000_0000, (low | 0) - s32[0]);
      scalar.s32max = Math.min(0x7fff_ffff, (low | 0) + s32[1]);
    }
    normalize(scalar);
    return { n, scalar };
  });

function swapped(n: bigint, bits: number): bigint {
  let out = 0n;
  for (let at = 0; at < bits; at += 8) out = (out << 8n) | ((n >> BigInt(at)) & 0xffn);
  return out;
}

function holds(scalar: Scalar, n: bigint): boolean {
  return contains(scalar, constant(n));
}

const shiftMask = (wide: boolean): bigint => (wide ? 63n : 31n);
const EXACT: ReadonlyMap<number, (a: bigint, b: bigint, wide: boolean) => bigint> = new Map([
  [BPF_ALU.ADD, (a: bigint, b: bigint) => a + b],
  [BPF_ALU.SUB, (a: bigint, b: bigint) => a - b],
  [BPF_ALU.MUL, (a: bigint, b: bigint) => a * b],
  [BPF_ALU.AND, (a: bigint, b: bigint) => a & b],
  [BPF_ALU.OR, (a: bigint, b: bigint) => a | b],
  [BPF_ALU.XOR, (a: bigint, b: bigint) => a ^ b],
  [BPF_ALU.LSH, (a: bigint, b: bigint, wide: boolean) => a << (b & shiftMask(wide))],
  [BPF_ALU.RSH, (a: bigint, b: bigint, wide: boolean) => BigInt.asUintN(wide ? 64 : 32, a) >> (b & shiftMask(wide))],
  [BPF_ALU.ARSH, (a: bigint, b: bigint, wide: boolean) => BigInt.asIntN(wide ? 64 : 32, a) >> (b & shiftMask(wide))],
]);

const COMPARE: ReadonlyMap<number, (a: bigint, b: bigint, signed: (n: bigint) => bigint) => boolean> = new Map([
  [BPF_JMP.JEQ, (a: bigint, b: bigint) => a === b],
  [BPF_JMP.JNE, (a: bigint, b: bigint) => a !== b],
  [BPF_JMP.JSET, (a: bigint, b: bigint) => (a & b) !== 0n],
  [NOT_SET, (a: bigint, b: bigint) => (a & b) === 0n],
  [BPF_JMP.JGT, (a: bigint, b: bigint) => a > b],
  [BPF_JMP.JGE, (a: bigint, b: bigint) => a >= b],
  [BPF_JMP.JLT, (a: bigint, b: bigint) => a < b],
  [BPF_JMP.JLE, (a: bigint, b: bigint) => a <= b],
  [BPF_JMP.JSGT, (a: bigint, b: bigint, s: (n: bigint) => bigint) => s(a) > s(b)],
  [BPF_JMP.JSGE, (a: bigint, b: bigint, s: (n: bigint) => bigint) => s(a) >= s(b)],
  [BPF_JMP.JSLT, (a: bigint, b: bigint, s: (n: bigint) => bigint) => s(a) < s(b)],
  [BPF_JMP.JSLE, (a: bigint, b: bigint, s: (n: bigint) => bigint) => s(a) <= s(b)],
]);

const options = { seed: SEED, numRuns: RUNS };

describe(`numbers that are partly known (seed ${SEED})`, () => {
  it('bounds stay true when they learn from each other', () => {
    fc.assert(
      fc.property(known, ({ n, scalar }) => {
        expect(holds(scalar, n)).toBe(true);
      }),
      options,
    );
  });

  it('results hold every result that can be', () => {
    fc.assert(
      fc.property(known, known, fc.constantFrom(...EXACT.keys()), fc.boolean(), (a, b, code, wide) => {
        const exact = u64(EXACT.get(code)!(a.n, b.n, wide));
        expect(holds(arithmetic(code, a.scalar, b.scalar, wide), wide ? exact : exact & 0xffff_ffffn)).toBe(true);
      }),
      options,
    );
  });

  it('moves, extensions and negation too', () => {
    fc.assert(
      fc.property(known, fc.constantFrom(8, 16, 32), fc.boolean(), ({ n, scalar }, bits, wide) => {
        const fit = (exact: bigint): bigint => u64(exact) & (wide ? (1n << 64n) - 1n : 0xffff_ffffn);
        expect(holds(truncate(scalar), n & 0xffff_ffffn)).toBe(true);
        expect(holds(lowBits(scalar, bits), BigInt.asUintN(bits, n))).toBe(true);
        expect(holds(signExtend(scalar, bits, wide), fit(BigInt.asIntN(bits, n)))).toBe(true);
        expect(holds(swapBytes(scalar, bits), swapped(n, bits))).toBe(true);
        expect(holds(negate(scalar, wide), fit(-n))).toBe(true);
        expect(holds(shifted(scalar, BigInt(bits)), u64(n + BigInt(bits)))).toBe(true);
      }),
      options,
    );
  });

  it('a branch that is decided goes that way, and what it teaches is true', () => {
    let decided = 0;
    fc.assert(
      fc.property(known, known, fc.constantFrom(...COMPARE.keys()), fc.boolean(), (a, b, code, wide) => {
        const fit = (n: bigint): bigint => (wide ? n : n & 0xffff_ffffn);
        const exact = COMPARE.get(code)!(fit(a.n), fit(b.n), (n) => BigInt.asIntN(wide ? 64 : 32, n));
        if (code !== NOT_SET) {
          const answer = isTaken(code, a.scalar, b.scalar, wide);
          if (answer !== undefined) {
            decided++;
            expect(answer).toBe(exact);
          }
        }
        const refined = refine(exact ? code : oppositeOf(code), a.scalar, b.scalar, wide);
        expect(refined).toBeDefined();
        expect(isEmpty(refined!.a)).toBe(false);
        expect(holds(refined!.a, a.n) && holds(refined!.b, b.n)).toBe(true);
        expect(contains(a.scalar, refined!.a) && contains(b.scalar, refined!.b)).toBe(true);
      }),
      options,
    );
    expect(decided).toBeGreaterThan(RUNS / 10);
  });
});
