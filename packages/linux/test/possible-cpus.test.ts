import { expect, it } from 'vitest';
import { countCpus } from '../src/possible-cpus.ts';

it.each([
  ['0\n', 1],
  ['0-1\n', 2],
  ['0-3,8', 5],
  ['0-3,8-11,15', 9],
  ['', 0],
])('%j are %i CPUs', (list, count) => {
  expect(countCpus(list)).toBe(count);
});
