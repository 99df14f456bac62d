/** The same on threads, small: counts add up at whatever speed this machine has. */
import { COST_SETS } from '@cpumap/host';
import { runAutoscale, runDdos, runImbalance } from '@cpumap/scenarios';
import { expect, it } from 'vitest';
import { CAPTURE } from './support/captures.ts';

const threads = { executor: 'threads', costs: COST_SETS['published-2017'] } as const;
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

it('ddos: every frame is missed, filtered, dropped or delivered', async () => {
  const { runs, rxCpuTakes } = await runDdos({ ...threads, capture: CAPTURE, cpus: 3, rxQueues: [1], seconds: 0.1 });
  expect(rxCpuTakes).toBeGreaterThan(0);
  const { offered, missed, filtered, queueFull, deliveredLegitimate, deliveredOther } = runs[0]!;
  expect(missed + filtered + queueFull + deliveredLegitimate + deliveredOther).toBe(offered);
  expect(deliveredOther).toBe(0);
});

it('imbalance: without a rate nothing is lost', async () => {
  const { runs } = await runImbalance({ ...threads, cpus: 4, rxQueues: 2, encapsulations: ['vxlan'], seconds: 0.01 });
  const { offered, before, after } = runs[0]!;
  expect(before).toMatchObject({ missed: 0, queueFull: 0, outOfOrder: 0, jain: 0.5 });
  expect(after).toMatchObject({ missed: 0, queueFull: 0, outOfOrder: 0 });
  expect(sum(after.delivered)).toBe(offered);
  expect(after.jain).toBeGreaterThan(0.98);
});

it('autoscale: a low load is carried by one CPU', async () => {
  const { controlled, allOn } = await runAutoscale({ ...threads, rate: 100_000, seconds: 0.5 });
  for (const { offered, delivered, missed, queueFull } of [controlled, allOn]) {
    expect(delivered + missed + queueFull).toBe(offered);
  }
  expect(controlled.intervals.at(-1)!.active).toBe(1);
});
