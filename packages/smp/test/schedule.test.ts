import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSchedule } from '../src/schedule.ts';

it('names the CPU with the earliest time, of equal ones the lowest, as looking through all would', () => {
  const time = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Number.POSITIVE_INFINITY));
  const change = fc.tuple(fc.nat(), time);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.array(change, { maxLength: 200 }), (cpus, changes) => {
      const schedule = createSchedule(cpus);
      const times = new Array<number>(cpus).fill(0);
      expect(schedule.first()).toBe(0);
      for (const [number, at] of changes) {
        const cpu = number % cpus;
        schedule.set(cpu, at);
        times[cpu] = at;
        expect(schedule.at(cpu)).toBe(at);
        expect(schedule.first()).toBe(times.indexOf(Math.min(...times)));
      }
    }),
  );
});
