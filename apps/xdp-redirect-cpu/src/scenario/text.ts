/** How the tables of the scenarios write numbers, and the lines that all of them begin and end with. */
import { availableParallelism } from 'node:os';
import type { RanOn } from '@cpumap/scenarios';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 });

export const count = (n: number): string => whole.format(n);
/** Four digits: 14.88. */
export const brief = (n: number): string => short.format(n);
export const millions = (n: number): string => `${brief(n / 1e6)} M`;
/** Never rounds to none or all what is not: 0.004 % is below 0.1 %, 99.99 % above 99.9 %. */
export function percent(part: number, all: number): string {
  if (all === 0) return '-';
  const value = (100 * part) / all;
  if (value > 0 && value < 0.1) return '<0.1 %';
  if (value < 100 && value > 99.9) return '>99.9 %';
  return `${value.toFixed(value === 0 || value === 100 ? 0 : 1)} %`;
}
export const withPercent = (part: number, all: number): string => `${count(part)} (${percent(part, all)})`;
/** What cannot be known there; a footnote says why. */
const UNKNOWN = '-';
export const known = <T>(value: T | null, show: (value: T) => string): string =>
  value === null ? UNKNOWN : show(value);

/** 0, 1, 2, 5 as 0-2, 5. */
export function cpuRanges(cpus: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const cpu of cpus) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === cpu - 1) last[1] = cpu;
    else runs.push([cpu, cpu]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

export function machineLines(result: RanOn & { readonly cpus: number }): string[] {
  const { cpus, seed } = result;
  if (result.backend === 'linux')
    return [`Linux ${result.release}, ${cpus} CPUs, in network namespaces of its own; seed ${seed}`];
  if (result.executor === 'virtual') return [`${cpus} virtual CPUs, seed ${seed}, costs ${result.costs.name}`];
  const processors = availableParallelism();
  return [
    `${cpus} CPUs, threads, seed ${seed}`,
    ...(processors < cpus
      ? [`this machine has ${processors} processors for them: CPUs that work at the same time wait for each other`]
      : []),
  ];
}

/** Where the costs are from; on the kernel what a `-` stands for. */
export const footnotes = ({ costs }: RanOn, whyUnknown: string): string[] => [
  costs === null ? `-: ${whyUnknown}` : `${costs.name}: ${costs.source}`,
];
