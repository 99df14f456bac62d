/** The flood on virtual CPUs: what the published figures say of one RX CPU and of two. */
import { COST_SETS } from '@cpumap/host';
import { type DdosOptions, runDdos } from '@cpumap/scenarios';
import { describe, expect, it } from 'vitest';
import { CAPTURE, TCP_FRAMES } from './support/captures.ts';

const run = (options: Partial<DdosOptions> = {}) => runDdos({ capture: CAPTURE, seconds: 0.02, ...options });

describe.each([1, 2, 3])('14.88 Mpps at the costs of 2017, seed %i', (seed) => {
  it('one RX CPU misses about a quarter in hardware; two miss nothing and deliver every legitimate frame', async () => {
    const { runs, captureFrames } = await run({ seed });
    expect(captureFrames).toBe(TCP_FRAMES);
    const [one, two] = runs as [(typeof runs)[0], (typeof runs)[0]];
    expect(one.missed / one.offered).toBeGreaterThan(0.21);
    expect(one.missed / one.offered).toBeLessThan(0.28);
    expect(two.missed).toBe(0);
    for (const { deliveredOther, queueFull } of runs) expect([deliveredOther, queueFull]).toEqual([0, 0]);
    expect(two.deliveredLegitimate).toBe(two.offeredLegitimate);
    expect(two.offeredLegitimate / two.offered).toBeCloseTo(0.01, 3);
    expect(two.filtered).toBe(two.offered - two.offeredLegitimate);
    // of what is missed, the legitimate have no more luck than the flood
    const delivered = one.deliveredLegitimate / one.offeredLegitimate;
    expect(Math.abs(delivered - (1 - one.missed / one.offered))).toBeLessThan(0.04);
  });
});

it('a run repeats itself', async () => {
  expect(await run({ seed: 7 })).toEqual(await run({ seed: 7 }));
});

it('CPU time adds up to the time of an RX CPU that never rests', async () => {
  const { runs, seconds } = await run({ rxQueues: [1] });
  const [rx] = runs[0]!.cpuTime;
  expect(rx!.cpu).toBe(0);
  // the turns themselves, 64 ns for each poll of 64 frames, are no stage
  expect(rx!.totalNs / (seconds * 1e9)).toBeGreaterThan(0.96);
  expect(rx!.totalNs / (seconds * 1e9)).toBeLessThan(1.01);
  expect(rx!.counts.driver).toBe(runs[0]!.offered - runs[0]!.missed);
});

it('with the costs of 2020 one RX CPU is enough', async () => {
  const { runs } = await run({ costs: COST_SETS['published-2020'], rxQueues: [1] });
  expect(runs[0]).toMatchObject({ missed: 0, deliveredLegitimate: runs[0]!.offeredLegitimate });
});

it('100 Gbit/s of 64-byte frames on 64 CPUs', { timeout: 60_000 }, async () => {
  const { runs } = await run({ cpus: 64, rxQueues: [16], rate: 148_809_524, seconds: 0.01 });
  expect(runs[0]).toMatchObject({ missed: 0, queueFull: 0, deliveredLegitimate: runs[0]!.offeredLegitimate });
});
