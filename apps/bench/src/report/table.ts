/** Figures for the terminal: median, smallest and largest, unit. */
import type { Figure, SuiteResult } from '../suite.ts';

/** Three digits that mean something, whole numbers from 100 on. */
export function digits(value: number): string {
  return value.toFixed(value !== 0 && Math.abs(value) < 100 ? 2 : 0);
}

function row({ name, unit, min, median, max }: Figure): string {
  return `  ${name.padEnd(16)}${digits(median).padStart(10)}  (${digits(min)} - ${digits(max)}) ${unit}`;
}

export function tableOf({ figures, skipped = [] }: Pick<SuiteResult, 'figures' | 'skipped'>): string {
  return [...figures.map(row), ...skipped.map((text) => `  NOT MEASURED: ${text}`)].join('\n');
}
