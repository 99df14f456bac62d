/** The table of `scenario imbalance`: two lines for each encapsulation, before and after. */
import type { ImbalanceResult, Spread } from '@cpumap/scenarios';
import { alignColumns } from '../columns.ts';
import { costLine, count, cpuRanges, machineLines, millions, percent } from './text.ts';

/** More CPUs than this are not shown one by one. */
const MOST_SHARES = 8;

function shares({ delivered }: Spread): string {
  const all = delivered.reduce((sum, n) => sum + n, 0);
  const parts = delivered.map((n) => (all === 0 ? 0 : (100 * n) / all));
  if (parts.length <= MOST_SHARES) return parts.map((part) => part.toFixed(1)).join(' ');
  return `${Math.min(...parts).toFixed(1)} to ${Math.max(...parts).toFixed(1)}`;
}

export function imbalanceLines(result: ImbalanceResult): string[] {
  const { runs, flows, rate, rxQueues, cpus } = result;
  const cells = (spread: Spread, offered: number): string[] => [
    shares(spread),
    spread.jain.toFixed(3),
    percent(spread.missed, offered),
    count(spread.queueFull + spread.refused),
    count(spread.outOfOrder),
    millions(spread.deliveredPerSecond),
  ];
  const rows = runs.flatMap(({ encapsulation, program, offered, before, after }) => [
    [encapsulation, 'RSS', cpuRanges(before.cpus), ...cells(before, offered)],
    ['', program, cpuRanges(after.cpus), ...cells(after, offered)],
  ]);
  const what = rate === undefined ? 'as fast as they are taken' : `${millions(rate)} frames/s`;
  return [
    `imbalance: ${count(flows)} flows that look alike to RSS, ${count(runs[0]!.offered)} frames, ${what}`,
    ...machineLines(result),
    `before: RSS over ${rxQueues} queues, each CPU takes what comes; after: a program spreads it over ${cpus - rxQueues} other CPUs`,
    '',
    ...alignColumns(
      [
        ['', 'spread by', 'CPUs', 'share of each, %', 'Jain', 'missed', 'dropped', 'out of order', 'delivered/s'],
        ...rows,
      ],
      4,
    ),
    '',
    ...runs.map(({ encapsulation, description }) => `${encapsulation}: ${description}`),
    costLine(result),
  ];
}
