/** The table and the plot of `scenario autoscale`. */
import type { AutoscaleResult, AutoscaleRun, Interval } from '@cpumap/scenarios';
import { alignColumns } from '../columns.ts';
import { PLOT_MARGIN, plotLines } from './plot.ts';
import { brief, count, cpuRanges, footnotes, known, machineLines, millions, percent, withPercent } from './text.ts';

const COLUMNS = 64;
const ON_KERNEL =
  'no hardware is before a test run, its frames carry no numbers, and the kernel does not count wake-ups or CPU time by stage';
const LOAD_HEIGHT = 8;
const DEPTH_HEIGHT = 4;
/** With more remote CPUs a line of the plot stands for several. */
const MOST_CPU_LINES = 8;

/** What happened in each of the plot's columns; an interval counts where its middle is. */
function byColumn(intervals: readonly Interval[]): Interval[][] {
  const columns: Interval[][] = Array.from({ length: Math.min(COLUMNS, intervals.length) }, () => []);
  const end = intervals.at(-1)?.toNs ?? 0;
  for (const interval of intervals) {
    const middle = (interval.fromNs + interval.toNs) / 2;
    columns[Math.min(columns.length - 1, Math.floor((middle / end) * columns.length))]!.push(interval);
  }
  return columns;
}

const sum = (column: readonly Interval[], read: (interval: Interval) => number): number =>
  column.reduce((all, interval) => all + read(interval), 0);
const lasts = (column: readonly Interval[]): number => sum(column, ({ fromNs, toNs }) => toNs - fromNs);
const most = (column: readonly Interval[], read: (interval: Interval) => number): number =>
  column.reduce((largest, interval) => Math.max(largest, read(interval)), 0);

function plot({ controlled, remoteCpus, seconds }: AutoscaleResult): string[] {
  const columns = byColumn(controlled.intervals);
  const perSecond = (read: (one: Interval) => number): number[] =>
    columns.map((column) => (sum(column, read) / lasts(column)) * 1e9 || 0);
  const mean = (read: (one: Interval) => number): number[] =>
    columns.map((column) => sum(column, (one) => read(one) * (one.toNs - one.fromNs)) / lasts(column) || 0);
  const lostOf = ({ missed, queueFull }: Interval): number => (missed ?? 0) + queueFull;
  const lost = perSecond(lostOf);
  const depth = columns.map((column) => most(column, (one) => one.depth));
  const high = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  return [
    ...plotLines({
      title: 'offered, frames/s (x lost)',
      values: perSecond((one) => Math.max(0, one.offered - lostOf(one))),
      more: { values: lost, sign: 'x' },
      height: LOAD_HEIGHT,
      top: high(perSecond(({ offered }) => offered)),
      label: millions,
    }),
    ...plotLines({
      title: 'remote CPUs active (+ parked, and not yet left by all flows)',
      values: mean(({ active, inUse }) => Math.min(active, inUse)),
      more: { values: mean(({ active, inUse }) => Math.max(0, inUse - active)), sign: '+' },
      height: Math.min(remoteCpus.length, MOST_CPU_LINES),
      top: remoteCpus.length,
      label: brief,
    }),
    ...plotLines({
      title: 'frames waiting, most',
      values: depth,
      height: DEPTH_HEIGHT,
      top: high(depth),
      label: count,
    }),
    `${' '.repeat(PLOT_MARGIN)}0 s${`${brief(seconds)} s`.padStart(columns.length - 3)}`,
  ];
}

function table({ controlled, allOn, remoteCpus, intervalNs, costs }: AutoscaleResult): string[] {
  const row = (name: string, cell: (run: AutoscaleRun) => string): string[] => [name, cell(controlled), cell(allOn)];
  const saved = (read: (run: AutoscaleRun) => number | null) => (run: AutoscaleRun) => {
    const all = read(allOn);
    return run === allOn ? '' : known(read(run), (own) => percent(all! - own, all!));
  };
  return alignColumns(
    [
      ['', 'controlled', `all ${remoteCpus.length} on`],
      row('offered', ({ offered }) => count(offered)),
      row('delivered', ({ delivered, offered }) => withPercent(delivered, offered)),
      row('missed by hardware', ({ missed }) => known(missed, count)),
      row('dropped, queue full', ({ queueFull, offered }) => withPercent(queueFull, offered)),
      row('out of order', ({ outOfOrder }) => known(outOfOrder, count)),
      row('most frames waiting', ({ mostDepth }) => count(mostDepth)),
      row('changes of the active set', ({ changes }) => count(changes)),
      row('remote CPUs in use, CPU ms', ({ cpuSecondsInUse }) => count(cpuSecondsInUse * 1000)),
      row(
        '  CPU time saved',
        saved(({ cpuSecondsInUse }) => cpuSecondsInUse),
      ),
      row('remote CPUs working, CPU ms', ({ cpuSecondsWorked }) =>
        known(cpuSecondsWorked, (worked) => count(worked * 1000)),
      ),
      row('wake-ups of remote CPUs', ({ wakeups }) => known(wakeups, count)),
      row(
        '  wake-ups saved',
        saved(({ wakeups }) => wakeups),
      ),
    ],
    1,
  ).concat([
    '',
    `A CPU is in use in an interval of ${brief(intervalNs / 1e6)} ms when it is active, or still takes frames of flows that have not left it.`,
    ...(costs === null ? [] : [`What it worked is computed: what was counted, times ${costs.name}.`]),
  ]);
}

export function autoscaleLines(result: AutoscaleResult): string[] {
  const { load, capacity, peak, seconds, remoteCpus } = result;
  return [
    `autoscale: load '${load}', ${millions(peak)} frames/s at its peak, ${brief(seconds)} s, over CPUs ${cpuRanges(remoteCpus)}`,
    ...machineLines(result),
    `one remote CPU takes ${millions(capacity)} frames/s, as measured before`,
    '',
    ...plot(result),
    '',
    ...table(result),
    '',
    ...footnotes(result, ON_KERNEL),
  ];
}
