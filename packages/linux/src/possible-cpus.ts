/** Which CPUs are possible: what per-CPU values have a copy for, and cpumaps take as keys. */
import { readFileSync } from 'node:fs';

/** The CPUs of a list such as `0-3,8`. */
export function parseCpuList(list: string): number[] {
  return list
    .trim()
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [first = Number.NaN, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}

/** The number of CPUs in a list such as `0-3,8`. */
export function countCpus(list: string): number {
  return parseCpuList(list).length;
}

let possible: readonly number[] | undefined;

/** The possible CPUs by number, in the order of the copies of a per-CPU value. */
export function possibleCpuNumbers(): readonly number[] {
  possible ??= parseCpuList(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
  return possible;
}

export function possibleCpus(): number {
  return possibleCpuNumbers().length;
}

/** NR_CPUS, the compile-time constant that bounds a cpumap's entries. */
export function nrCpus(): number {
  return Number(readFileSync('/sys/devices/system/cpu/kernel_max', 'utf8')) + 1;
}
