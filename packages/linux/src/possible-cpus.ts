/** How many CPUs are possible: what per-CPU values have a copy for. */
import { readFileSync } from 'node:fs';

/** The number of CPUs in a list such as `0-3,8`. */
export function countCpus(list: string): number {
  return list
    .trim()
    .split(',')
    .filter((range) => range !== '')
    .reduce((count, range) => {
      const [first = Number.NaN, last = first] = range.split('-').map(Number);
      return count + last - first + 1;
    }, 0);
}

let possible: number | undefined;

export function possibleCpus(): number {
  possible ??= countCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
  return possible;
}
