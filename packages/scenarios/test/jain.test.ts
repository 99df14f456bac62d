/** Jain's index: its bounds, and what it must not depend on. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jainIndex } from '../src/jain.ts';

const shares = fc.array(fc.double({ min: 0, max: 1e300, noNaN: true }), { minLength: 1, maxLength: 64 });

describe('jainIndex', () => {
  it.each([
    [[5, 5, 5, 5], 1],
    [[1, 0, 0, 0], 0.25],
    [[1, 1, 0, 0], 0.5],
    [[4, 2], 0.9],
    [[0, 0], 1],
    [[7], 1],
  ])('of %j is %d', (of, index) => {
    expect(jainIndex(of)).toBeCloseTo(index, 12);
  });

  it('lies between 1/n and 1', () => {
    fc.assert(
      fc.property(shares, (of) => {
        const index = jainIndex(of);
        expect(index).toBeGreaterThanOrEqual(1 / of.length - 1e-12);
        expect(index).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it('does not change with the unit, nor with the order', () => {
    const small = fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(small, fc.integer({ min: 1, max: 1e6 }), (of, unit) => {
        expect(jainIndex(of.map((share) => share * unit))).toBeCloseTo(jainIndex(of), 12);
        expect(jainIndex([...of].reverse())).toBeCloseTo(jainIndex(of), 12);
      }),
    );
  });

  it('is k/n when k of n have the same and the others nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 50 }), (k, others) => {
        const of = [...new Array<number>(k).fill(3), ...new Array<number>(others).fill(0)];
        expect(jainIndex(of)).toBeCloseTo(k / of.length, 12);
      }),
    );
  });
});
