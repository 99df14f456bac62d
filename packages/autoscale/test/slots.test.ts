/** The indirection table: equal shares, and no slot changes hands that need not. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assignSlots } from '../src/slots.ts';

const SLOTS = 256;
const someCpus = fc.uniqueArray(fc.nat(15), { minLength: 1, maxLength: 16 });

it('every CPU has its share, and as many slots stay as can', () => {
  fc.assert(
    fc.property(someCpus, someCpus, (first, second) => {
      const before = assignSlots(new Array(SLOTS).fill(undefined), first);
      const after = assignSlots(before, second);
      const least = Math.floor(SLOTS / second.length);
      const count = (table: number[], cpu: number): number => table.filter((one) => one === cpu).length;
      for (const cpu of second) expect([least, least + 1]).toContain(count(after, cpu));
      expect(after.every((cpu) => second.includes(cpu))).toBe(true);
      const stayed = after.filter((cpu, slot) => cpu === before[slot]).length;
      const atLeast = second.reduce((sum, cpu) => sum + Math.min(least, count(before, cpu)), 0);
      expect(stayed).toBeGreaterThanOrEqual(atLeast);
      expect(assignSlots(after, second)).toEqual(after);
    }),
  );
});
