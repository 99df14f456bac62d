import { createMemory } from '@cpumap/smp';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { attachCopyFrame } from '../../src/copy.ts';

it('copies every length whole, and at most fifteen bytes more', () => {
  const memory = createMemory(1 << 17);
  const copy = attachCopyFrame(memory);
  const [from, to] = [4096, 65_536];
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2048 }), fc.integer({ min: 0, max: 100 }), (frame, shift) => {
      memory.u8.fill(0xee);
      const target = to + shift * 8;
      memory.u8.set(frame, from);
      copy(from, target, from + frame.length);
      expect(memory.u8.slice(target, target + frame.length)).toEqual(frame);
      const end = target + Math.ceil(frame.length / 16) * 16;
      expect(memory.u8.slice(end, end + 64).every((byte) => byte === 0xee)).toBe(true);
      expect(memory.u8.slice(target - 64, target).every((byte) => byte === 0xee)).toBe(true);
    }),
    { numRuns: 200 },
  );
});
