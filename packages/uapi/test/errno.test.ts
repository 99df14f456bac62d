import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ERRNO, type ErrnoName, errnoName, errnoText } from '../src/errno.ts';

const NAMES = Object.keys(ERRNO) as ErrnoName[];

describe('the errno table', () => {
  // answers of Linux 6.18 to bpf(2) and numbers that its trace lines print
  it.each([
    ['E2BIG', 7],
    ['ENOMEM', 12],
    ['EEXIST', 17],
    ['ENODEV', 19],
    ['EINVAL', 22],
    ['ENOSPC', 28],
    ['EBADRQC', 56],
    ['EOVERFLOW', 75],
    ['EOPNOTSUPP', 95],
    ['ENOTSUPP', 524],
  ] as const)('%s is %i', (name, number) => {
    expect(ERRNO[name]).toBe(number);
  });

  it('agrees with the C library of Linux', ({ skip }) => {
    if (process.platform !== 'linux') skip('other systems number errnos differently');
    const libc: Readonly<Record<string, number>> = constants.errno;
    const known = NAMES.filter((name) => libc[name] !== undefined);
    expect(known.length).toBeGreaterThan(25);
    expect(Object.fromEntries(known.map((name) => [name, ERRNO[name]]))).toEqual(
      Object.fromEntries(known.map((name) => [name, libc[name]])),
    );
  });

  it('has no number twice', () => {
    expect(new Set(Object.values(ERRNO)).size).toBe(NAMES.length);
  });

  it.each(NAMES)('%s: name to number and back, from either sign', (name) => {
    expect(errnoName(ERRNO[name])).toBe(name);
    expect(errnoName(-ERRNO[name])).toBe(name);
  });

  it('has no name for a number outside the table', () => {
    const numbers = new Set<number>(Object.values(ERRNO));
    for (let errno = -600; errno <= 600; errno++) {
      if (!numbers.has(Math.abs(errno))) expect(errnoName(errno), `${errno}`).toBeUndefined();
    }
  });

  it('has a phrase of its own for each name, without the name in it', () => {
    const texts = NAMES.map(errnoText);
    expect(new Set(texts).size).toBe(NAMES.length);
    for (const text of texts) expect(text).toMatch(/^[a-z][a-z/ ]+[a-z]$/);
  });
});
