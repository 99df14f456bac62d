/** The tables of `scenario ddos`. */
import { STAGES } from '@cpumap/host';
import type { DdosResult, DdosRun } from '@cpumap/scenarios';
import { alignColumns } from '../columns.ts';
import { count, cpuRanges, footnotes, known, machineLines, millions, withPercent } from './text.ts';

const heading = ({ rxQueues }: DdosRun): string => `${rxQueues} RX queue${rxQueues === 1 ? '' : 's'}`;

const ON_KERNEL =
  'no hardware is before a test run, and the kernel does not count CPU time by stage; per second: the flood that one RX CPU took';

function framesTable({ runs, seconds, rate }: DdosResult): string[] {
  const row = (name: string, cell: (run: DdosRun) => string): string[] => [name, ...runs.map(cell)];
  return alignColumns(
    [
      row('', heading),
      row('RX CPUs', ({ rxCpus }) => cpuRanges(rxCpus)),
      row('remote CPUs', ({ remoteCpus }) => cpuRanges(remoteCpus)),
      row('offered', ({ offered }) => count(offered)),
      row('  of these legitimate', ({ offeredLegitimate }) => count(offeredLegitimate)),
      row('missed by hardware', ({ missed, offered }) => known(missed, (n) => withPercent(n, offered))),
      row('received per second', ({ missed, offered }) =>
        millions(missed === null ? rate : (offered - missed) / seconds),
      ),
      row('filtered', ({ filtered, offered }) => withPercent(filtered, offered)),
      row('dropped, queue full', ({ queueFull }) => count(queueFull)),
      row('flood delivered', ({ deliveredOther }) => count(deliveredOther)),
      row('legitimate delivered', ({ deliveredLegitimate, offeredLegitimate }) =>
        withPercent(deliveredLegitimate, offeredLegitimate),
      ),
    ],
    1,
  );
}

function timeTable(run: DdosRun, { seconds, costs }: DdosResult): string[] {
  if (run.cpuTime === null || costs === null) return [];
  const busy = run.cpuTime.filter(({ totalNs }) => totalNs > 0);
  const stages = STAGES.filter((stage) => busy.some(({ ns }) => ns[stage] > 0));
  const ms = (ns: number): string => (ns / 1e6).toFixed(2);
  const rows = busy.map(({ cpu, ns, totalNs }) => [
    `  CPU ${cpu}`,
    ...stages.map((stage) => ms(ns[stage])),
    ms(totalNs),
    `${((totalNs / (seconds * 1e9)) * 100).toFixed(0)} %`,
  ]);
  const idle = run.cpuTime.length - busy.length;
  return [
    '',
    `CPU time with ${heading(run)}, ms in ${count(seconds * 1000)} ms: what was counted, times ${costs.name}`,
    ...alignColumns([['', ...stages, 'all', 'of the time'], ...rows], 1),
    ...(idle === 0 ? [] : [`  ${idle} other CPU${idle === 1 ? '' : 's'} had nothing to do`]),
  ];
}

export function ddosLines(result: DdosResult, capture: string): string[] {
  const { backend, rate, seconds, captureFrames, rxCpuTakes } = result;
  const traffic =
    backend === 'linux'
      ? `test runs of live frames for ${seconds.toFixed(3)} s`
      : `${millions(rate)} frames/s for ${seconds.toFixed(3)} s`;
  return [
    `ddos: 64-byte UDP to port 9, and 1 frame in 100 legitimate: ${count(captureFrames)} TCP frames of ${capture}, over and over`,
    ...machineLines(result),
    `${traffic}, filtered by prognum 4 (l4-filter)`,
    ...(rxCpuTakes === undefined
      ? []
      : [`one RX CPU was measured before: ${millions(rxCpuTakes)} frames/s; the rate is 14.88/11 of that`]),
    '',
    ...framesTable(result),
    ...result.runs.flatMap((run) => timeTable(run, result)),
    '',
    ...footnotes(result, ON_KERNEL),
  ];
}
