/** The table of `scenario imbalance`: two lines for each encapsulation, before and after. */
import type { ImbalanceResult, Spread } from '@cpumap/scenarios';
import { alignColumns } from '../columns.ts';
import { count, cpuRanges, footnotes, known, machineLines, millions, percent } from './text.ts';

/** More CPUs than this are not shown one by one. */
const MOST_SHARES = 8;

const ON_KERNEL = 'a veth pair has neither RSS nor hardware that misses frames; shares are what the kthreads took';

function shares({ delivered }: Spread): string {
  const all = delivered.reduce((sum, n) => sum + n, 0);
  const parts = delivered.map((n) => (all === 0 ? 0 : (100 * n) / all));
  if (parts.length <= MOST_SHARES) return parts.map((part) => part.toFixed(1)).join(' ');
  return `${Math.min(...parts).toFixed(1)} to ${Math.max(...parts).toFixed(1)}`;
}

export function imbalanceLines(result: ImbalanceResult): string[] {
  const { backend, runs, flows, rate, rxQueues, cpus } = result;
  const cells = (spread: Spread, offered: number): string[] => [
    shares(spread),
    spread.jain.toFixed(3),
    known(spread.missed, (missed) => percent(missed, offered)),
    count(spread.queueFull + (spread.refused ?? 0)),
    count(spread.outOfOrder),
    millions(spread.deliveredPerSecond),
  ];
  const rows = runs.flatMap(({ encapsulation, program, offered, before, after }) => [
    ...(before === null ? [] : [[encapsulation, 'RSS', cpuRanges(before.cpus), ...cells(before, offered)]]),
    [before === null ? encapsulation : '', program, cpuRanges(after.cpus), ...cells(after, offered)],
  ]);
  const what = rate === undefined ? 'as fast as they are taken' : `${millions(rate)} frames/s`;
  return [
    `imbalance: ${count(flows)} flows that look alike to RSS, ${count(runs[0]!.offered)} frames, ${what}`,
    ...machineLines(result),
    backend === 'linux'
      ? `a veth pair, received on CPU 0; a program spreads it over CPUs ${cpuRanges(runs[0]!.after.cpus)}`
      : `before: RSS over ${rxQueues} queue${rxQueues === 1 ? '' : 's'}, each CPU takes what comes; after: a program spreads it over ${cpus - rxQueues} other CPUs`,
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
    // on threads no cost set has a part in it
    ...(result.executor === 'threads' ? [] : footnotes(result, ON_KERNEL)),
  ];
}
