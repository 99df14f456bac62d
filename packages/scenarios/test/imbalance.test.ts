/** Each encapsulation before and after; and a program that spreads without looking puts frames out of order. */
import { sampleProgram } from '@cpumap/programs';
import { ENCAPSULATIONS, type ImbalanceOptions, onSampleMaps, runImbalance, steeringFor } from '@cpumap/scenarios';
import { describe, expect, it } from 'vitest';

const FRAMES = 80_000;
const run = async (options: ImbalanceOptions) => {
  const { runs } = await runImbalance({ seconds: FRAMES / 8e6, ...options });
  return runs[0]!;
};
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

describe.each(ENCAPSULATIONS.map(({ name }) => name))('%s', (name) => {
  it('lands on one queue, and is spread over four CPUs in order', async () => {
    const { offered, before, after } = await run({ encapsulations: [name] });
    expect(offered).toBe(FRAMES);
    expect(before.queuesUsed).toBe(1);
    expect(before.jain).toBeCloseTo(0.25, 12);
    expect(sum(before.delivered) + before.missed).toBe(offered);
    expect(before.missed / offered).toBeGreaterThan(0.5);
    expect(after).toMatchObject({ queuesUsed: 1, missed: 0, queueFull: 0, refused: 0, outOfOrder: 0 });
    expect(sum(after.delivered)).toBe(offered);
    expect(after.jain).toBeGreaterThan(0.98);
    expect(before.outOfOrder).toBe(0);
  });
});

it.each(ENCAPSULATIONS.map(({ name }) => name))('the program `auto` knows %s', async (name) => {
  const program = steeringFor('auto');
  const { after } = await run({ encapsulations: [name], program, seconds: 0.003 });
  expect(after.jain).toBeGreaterThan(0.98);
  expect(after.outOfOrder).toBe(0);
});

it('round-robin is fair and out of order: the count of disorder counts', async () => {
  const program = onSampleMaps('round_robin', (machine) => sampleProgram('round-robin', machine));
  const { after } = await run({ encapsulations: ['gre'], program, flows: 16 });
  expect(after.jain).toBeGreaterThan(0.999);
  expect(after.outOfOrder).toBeGreaterThan(100);
});

it('a program that hashes the outer addresses spreads nothing', async () => {
  const program = onSampleMaps('l4_hash', (machine) => sampleProgram('l4-hash', machine));
  const { after } = await run({ encapsulations: ['gre'], program });
  expect(after.jain).toBeCloseTo(0.25, 12);
});

it('a program that fails gives no results', async () => {
  const program = onSampleMaps('fails', ({ maps }) => ({
    name: 'fails',
    maps,
    code: {
      factory: () => () => {
        throw new Error('no');
      },
    },
  }));
  await expect(run({ encapsulations: ['gre'], program, seconds: 0.001 })).rejects.toMatchObject({
    code: 'EIO',
    hint: expect.stringContaining('no results'),
  });
});
