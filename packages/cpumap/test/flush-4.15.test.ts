/** What 4.15 leaves behind: pending bits of slots that were emptied, frames in the bulk queues of entries that were removed. */
import { TASK_EXITED } from '@cpumap/smp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, createBench } from './support/bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = createBench('4.15');
});
afterEach(() => bench.end());

const kthread = (processed: number, sched: number): string =>
  `xdp_cpumap_kthread: kthread cpu=1 map_id=1 action=REDIRECT processed=${processed} drops=0 sched=${sched}`;
const enqueue = (cpu: number, processed: number, drops = 0): string =>
  `xdp_cpumap_enqueue: enqueue cpu=${cpu} map_id=1 action=REDIRECT processed=${processed} drops=${drops} to_cpu=1`;
const cpumapLines = (): string[] => bench.lines().filter((line) => line.includes('cpumap'));

describe('an entry that is removed between the redirect and the end of the poll', () => {
  it('has its frames flushed at its teardown, on its own CPU', async () => {
    const map = bench.create();
    bench.set(map, 1, 64);
    const entry = bench.entry(map, 1);
    bench.begin(0);
    for (let n = 0; n < 3; n++) bench.redirect(map, 1);
    map.delete(1);
    bench.endPoll(); // finds an empty slot: the bit stays, the frames too
    expect(bench.depth(entry)).toBe(0);
    await bench.rest();
    expect(cpumapLines()).toEqual([enqueue(1, 3), kthread(3, 1)]);
    expect(bench.delivered.map(({ number }) => number)).toEqual([0, 1, 2]);
    expect(bench.kthreadState(entry)).toBe(TASK_EXITED);
  });

  it('loses what does not fit then, counted', async () => {
    const map = bench.create();
    bench.set(map, 1, 2);
    bench.begin(0);
    for (let n = 0; n < 5; n++) bench.redirect(map, 1);
    map.delete(1);
    bench.endPoll();
    await bench.rest();
    expect(cpumapLines()).toEqual([enqueue(1, 5, 3), kthread(2, 1)]);
    expect([bench.sum('ring_full'), bench.delivered.length]).toEqual([3, 2]);
  });

  it('and replaced: the end of the poll wakes the new one for nothing', async () => {
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.begin(0);
    for (let n = 0; n < 3; n++) bench.redirect(map, 1);
    bench.set(map, 1, 64);
    bench.endPoll();
    await bench.rest();
    expect(cpumapLines()).toEqual([enqueue(1, 3), kthread(3, 1), kthread(0, 1)]);
    expect(bench.delivered).toHaveLength(3);
  });

  it('the bit that stays is cleared by the next flush of a filled slot, which wakes', async () => {
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.set(map, 2, 64);
    await bench.rest();
    bench.begin(0);
    bench.redirect(map, 1);
    map.delete(1);
    bench.endPoll();
    await bench.rest();
    bench.set(map, 1, 64);
    bench.lines();
    bench.redirect(map, 2); // nothing for CPU 1
    bench.endPoll();
    await bench.rest();
    expect(cpumapLines().filter((line) => line.includes('cpu=1'))).toEqual([kthread(0, 1)]);
    bench.redirect(map, 2);
    bench.endPoll();
    await bench.rest();
    expect(cpumapLines().filter((line) => line.includes('cpu=1'))).toEqual([]);
  });
});

describe('closing the map', () => {
  it('does not wait for a bit that stays for ever, as the kernel of 4.15 does', async () => {
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.begin(0);
    bench.redirect(map, 1);
    map.delete(1);
    bench.endPoll();
    const used = bench.used();
    map.close();
    expect(bench.used()).toBeLessThan(used);
    expect(bench.delivered).toHaveLength(1);
  });

  it('with frames pending delivers them', async () => {
    const map = bench.create();
    for (const cpu of [0, 1, 2]) bench.set(map, cpu, 64);
    bench.begin(0);
    for (let n = 0; n < 30; n++) bench.redirect(map, n % 3);
    map.close();
    expect(bench.delivered).toHaveLength(30);
  });
});

describe('the pending bits', () => {
  it('reach to the last of 256 indexes, and are flushed in order', async () => {
    const big = createBench('4.15', { cpus: 256, mib: 64 });
    const map = big.create({ maxEntries: 256 });
    const keys = [255, 0, 31, 32, 33, 63, 64, 200, 224, 1];
    for (const key of keys) big.set(map, key, 8);
    big.begin(0);
    for (const key of keys) big.redirect(map, key);
    big.lines();
    big.endPoll();
    const order = big.lines().map((line) => Number(/to_cpu=(\d+)/.exec(line)?.[1]));
    expect(order).toEqual([...keys].sort((a, b) => a - b));
    await big.end();
    expect(big.delivered).toHaveLength(keys.length);
  });
});
