/** Each load with the controller and with all CPUs on; a policy of one's own, and one that fails. */
import { LOADS, type LoadName, runAutoscale } from '@cpumap/scenarios';
import { describe, expect, it } from 'vitest';

/** What a spike may cost: the frames that come in before the controller has looked, and flows have moved. */
const LOST_AT_A_SPIKE = 0.01;

describe.each(Object.keys(LOADS) as LoadName[])('%s', (load) => {
  it('saves CPU time, loses next to nothing, keeps all flows in order', { timeout: 60_000 }, async () => {
    const { controlled, allOn, remoteCpus } = await runAutoscale({ load, seconds: 0.2 });
    const { offered } = controlled;
    expect(allOn.offered).toBe(offered);
    expect(allOn).toMatchObject({ delivered: offered, missed: 0, queueFull: 0, outOfOrder: 0, changes: 0 });
    expect(controlled.outOfOrder).toBe(0);
    expect(controlled.delivered + controlled.missed + controlled.queueFull).toBe(offered);
    expect(controlled.delivered).toBeGreaterThanOrEqual(offered * (load === 'spike' ? 1 - LOST_AT_A_SPIKE : 1));
    expect(allOn.intervals.every(({ inUse }) => inUse === remoteCpus.length)).toBe(true);
    expect(controlled.cpuSecondsInUse).toBeLessThan(allOn.cpuSecondsInUse * 0.8);
    expect(controlled.wakeups).toBeLessThan(allOn.wakeups);
    const used = controlled.intervals.map(({ inUse }) => inUse);
    expect(Math.min(...used)).toBe(1);
    expect(Math.max(...used)).toBeGreaterThanOrEqual(3);
  });
});

it('a policy of one’s own decides', async () => {
  const two = await runAutoscale({ seconds: 0.05, rate: 1e6, policy: (_, __, { cpus }) => cpus.slice(0, 2) });
  expect(two.controlled.intervals.at(-1)!.active).toBe(2);
});

it('a policy that answers nonsense is told, and gives no results', async () => {
  await expect(runAutoscale({ seconds: 0.05, rate: 1e6, policy: () => [99] })).rejects.toMatchObject({
    code: 'EINVAL',
    hint: expect.stringContaining('the policy wants CPU 99'),
  });
});
