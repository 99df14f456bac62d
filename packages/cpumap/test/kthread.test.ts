/** The kthread's steps: batches of eight, sleep and wake, its end, and the sk_buffs of generic mode. */
import { TASK_RUNNING, TASK_SLEEPING, TASK_WOKEN } from '@cpumap/smp';
import { RELEASES } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { createBench } from './support/bench.ts';

const processed = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /kthread .* processed=(\d+) drops=0 sched=(\d)/.exec(line)?.slice(1).join('/') ?? []);

describe.each(RELEASES)('on %s', (release) => {
  it('a turn of its CPU is at most 64 frames, by eights; only the first batch slept before', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 256);
    bench.begin(0);
    for (let n = 0; n < 100; n++) bench.redirect(map, 1);
    bench.endPoll();
    expect([bench.turn(1), bench.turn(1), bench.turn(1)]).toEqual([64, 36, 0]);
    expect(processed(bench.lines())).toEqual(['8/1', ...new Array(11).fill('8/0'), '4/0']);
    await bench.end();
    expect(bench.delivered.map(({ number }) => number)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it('states: asleep when empty, woken by a flush, running while there is work, asleep again', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 256);
    const entry = bench.entry(map, 1);
    const states = [bench.kthreadState(entry)];
    bench.begin(0);
    for (let n = 0; n < 70; n++) bench.redirect(map, 1);
    bench.endPoll();
    states.push(bench.kthreadState(entry));
    for (let turn = 0; turn < 2; turn++) {
      bench.turn(1);
      states.push(bench.kthreadState(entry));
    }
    expect(states).toEqual([TASK_SLEEPING, TASK_WOKEN, TASK_RUNNING, TASK_SLEEPING]);
    await bench.end();
  });

  it('frames that came while it was running need no wake, and are a step that did not sleep', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 256);
    bench.begin(0);
    for (let n = 0; n < 64; n++) bench.redirect(map, 1);
    bench.endPoll();
    expect(bench.turn(1)).toBe(64);
    bench.redirect(map, 1);
    bench.endPoll();
    expect(bench.kthreadState(bench.entry(map, 1))).toBe(TASK_RUNNING);
    bench.turn(1);
    expect(processed(bench.lines())).toEqual(['8/1', ...new Array(7).fill('8/0'), '1/0']);
    await bench.end();
  });

  it('two entries on one CPU take turns', async () => {
    const bench = createBench(release);
    const maps = [bench.create(), bench.create()];
    bench.begin(0);
    for (const map of maps) {
      bench.set(map, 1, 256);
      for (let n = 0; n < 80; n++) bench.redirect(map, 1);
    }
    bench.endPoll();
    expect(bench.turn(1)).toBe(128);
    expect(bench.turn(1)).toBe(32);
    await bench.end();
  });

  it.each([0, 1, 7, 8, 9, 63, 64, 65, 200])(
    'told to stop with %i frames in its ring it takes them all',
    async (frames) => {
      const bench = createBench(release);
      const map = bench.create();
      bench.set(map, 1, 256);
      await bench.rest();
      bench.begin(0);
      for (let n = 0; n < frames; n++) bench.redirect(map, 1);
      bench.endPoll();
      map.delete(1);
      await bench.end();
      expect(bench.delivered).toHaveLength(frames);
      // asleep until it was told: one empty step; otherwise the batches, the first of them after a sleep
      const batches = Array.from(
        { length: Math.ceil(frames / 8) },
        (_, i) => `${Math.min(8, frames - 8 * i)}/${i === 0 ? 1 : 0}`,
      );
      expect(processed(bench.lines())).toEqual(frames === 0 ? ['0/1'] : batches);
    },
  );
});

describe('an order to stop that comes in the middle of its poll', () => {
  it.each(RELEASES)('and with it the last frames, just after it found its ring empty, on %s', async (release) => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.begin(0);
    bench.redirect(map, 1);
    bench.endPoll();
    const atStopTest = (): void => {
      for (let n = 0; n < 3; n++) bench.redirect(map, 1);
      bench.endPoll();
      map.delete(1);
    };
    bench.meanwhile.atDelivery = () => {
      bench.meanwhile.atStopTest = atStopTest;
    };
    bench.turn(1);
    await bench.end();
    expect(bench.delivered.map(({ number }) => number)).toEqual([0, 1, 2, 3]);
  });

  it('finds the frames in the bulk queues too, on 4.15', async () => {
    const bench = createBench('4.15');
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.begin(0);
    bench.redirect(map, 1);
    bench.endPoll();
    bench.meanwhile.atDelivery = () => {
      for (let n = 0; n < 3; n++) bench.redirect(map, 1);
      map.delete(1); // the end of the poll will find the slot empty
      bench.endPoll();
    };
    bench.turn(1);
    await bench.end();
    expect(bench.delivered.map(({ number }) => number)).toEqual([0, 1, 2, 3]);
  });
});

describe('an sk_buff of generic mode, on 6.18', () => {
  it('goes to the ring at once, and wakes', async () => {
    const bench = createBench('6.18');
    const map = bench.create();
    bench.set(map, 1, 64);
    const entry = bench.entry(map, 1);
    bench.begin(0);
    expect(bench.redirectSkb(map, 1)).toBe(0);
    expect([bench.depth(entry), bench.kthreadState(entry)]).toEqual([1, TASK_WOKEN]);
    await bench.end();
    expect(bench.delivered).toHaveLength(1);
  });

  it('that finds the ring full wakes nobody', async () => {
    const bench = createBench('6.18');
    const map = bench.create();
    bench.set(map, 1, 2);
    const entry = bench.entry(map, 1);
    bench.begin(0);
    // a native bulk that waits for the end of its poll, then flushes itself: the ring is full and the kthread asleep
    for (let n = 0; n < 9; n++) bench.redirect(map, 1);
    expect([bench.depth(entry), bench.kthreadState(entry)]).toEqual([2, TASK_SLEEPING]);
    expect(bench.redirectSkb(map, 1)).toBe(-28);
    expect(bench.kthreadState(entry)).toBe(TASK_SLEEPING);
    await bench.end();
    expect([bench.delivered.length, bench.sum('ring_full')]).toEqual([2, 7]);
  });

  it('mixed with frames in one batch comes behind them, in its own order', async () => {
    const bench = createBench('6.18');
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.begin(0);
    bench.redirectSkb(map, 1); // 0
    for (let n = 0; n < 2; n++) bench.redirect(map, 1); // 1, 2
    bench.endPoll();
    bench.redirectSkb(map, 1); // 3
    bench.redirect(map, 1); // 4
    bench.endPoll();
    bench.redirectSkb(map, 1); // 5
    await bench.end();
    expect(bench.delivered.map(({ number }) => number)).toEqual([1, 2, 4, 0, 3, 5]);
    expect(processed(bench.lines())).toEqual(['6/1']);
  });
});
