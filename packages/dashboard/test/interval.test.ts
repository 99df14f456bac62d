/** From counters to rates and totals, and how loaded a CPU is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHistory } from '../src/history.ts';
import { pointOf, totalsOf } from '../src/interval.ts';
import { levelOf } from '../src/level.ts';
import { afterSeconds, counters, cpu } from './support/fake-source.ts';

const REMOTE = [{ cpu: 1, qsize: 64, active: true }];

describe('the rates of an interval', () => {
  it('are differences by time', () => {
    const point = pointOf(afterSeconds(2), afterSeconds(4), REMOTE, 1234);
    expect(point).toMatchObject({ at: 1234, seconds: 2, received: 1000, enqueueDrops: 60, delivered: 900, missed: 0 });
    expect(point.arrivals).toEqual([{ queue: 0, cpu: 0, rate: 1000, missed: 0 }]);
    expect(point.links).toEqual([{ from: 0, to: 1, rate: 1000, drops: 60, bulkAverage: 5 }]);
    expect(point.cpus[0]).toMatchObject({ cpu: 0, received: 1000, level: 'ok' });
    expect(point.cpus[1]).toMatchObject({ enqueued: 1000, enqueueDrops: 60, taken: 900, wakeups: 30, bulkAverage: 5 });
  });

  it('count a CPU that was not there before from zero', () => {
    const later = counters(1, { cpus: [cpu(3, { rx: { processed: 50, dropped: 5 } })] });
    expect(pointOf(counters(0), later, [], 0).cpus).toMatchObject([{ cpu: 3, received: 50, programDrops: 5 }]);
  });

  it('leave out what is not known, also in sums', () => {
    const unknown = (seconds: number) =>
      counters(seconds, { received: null, missed: null, cpus: [cpu(1, { rx: null, delivered: null })] });
    const point = pointOf(unknown(0), unknown(1), [], 0);
    expect(point).toMatchObject({ received: null, missed: null, delivered: null });
    expect(point.cpus[0]).toMatchObject({ received: null, programDrops: null, delivered: null });
    expect(totalsOf(unknown(0), unknown(1))).toMatchObject({ received: null, delivered: null, enqueued: 0 });
  });

  it('work out how many frames wait where nobody tells', () => {
    const now = afterSeconds(1);
    const blind = { ...now, cpus: now.cpus.map((each) => ({ ...each, depth: null })) };
    expect(pointOf(counters(0), blind, REMOTE, 0).cpus[1]!.depth).toBe(40);
  });

  it('add up to the totals, however the run is divided', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (steps) => {
        let seconds = 0;
        let received = 0;
        let dropped = 0;
        for (const step of steps) {
          const point = pointOf(afterSeconds(seconds), afterSeconds(seconds + step), REMOTE, 0);
          received += point.received! * point.seconds;
          dropped += point.enqueueDrops * point.seconds;
          seconds += step;
        }
        const totals = totalsOf(afterSeconds(0), afterSeconds(seconds));
        expect(received).toBeCloseTo(totals.received!, 3);
        expect(dropped).toBeCloseTo(totals.enqueueDrops, 3);
        expect(totals.seconds).toBe(seconds);
      }),
    );
  });
});

describe('a level', () => {
  const idle = {
    seconds: 1,
    received: 0,
    missed: 0,
    enqueued: 0,
    enqueueDrops: 0,
    taken: 0,
    depth: 0,
    qsize: 64,
    wakeups: 0,
    turns: 0,
  };
  it.each([
    ['idle', 'nothing came in this interval', {}],
    ['ok', 'no frame was dropped, and its kthread finds time to sleep', { taken: 5, turns: 200, wakeups: 100 }],
    ['ok', 'no frame was dropped, and its kthread finds time to sleep', { received: 1 }],
    ['busy', '32 of 64 places in its ring are taken', { depth: 32 }],
    ['busy', 'its kthread slept before 1 of 1,000 turns', { taken: 8000, turns: 1000, wakeups: 1 }],
    ['losing', 'its ring was full: 1,200 frames/s dropped on the way to it', { enqueueDrops: 2400, seconds: 2 }],
    ['losing', 'it receives too slowly: its queues missed 7 frames/s', { missed: 7 }],
  ])('%s: %s', (level, reason, load) => {
    expect(levelOf({ ...idle, ...load })).toEqual({ level, reason });
  });
});

it('the history forgets the oldest', () => {
  const history = createHistory(3);
  for (const at of [1, 2, 3, 4]) history.add(pointOf(afterSeconds(0), afterSeconds(1), REMOTE, at));
  expect(history.points().map(({ at }) => at)).toEqual([2, 3, 4]);
  expect(history.points()[0]).not.toHaveProperty('links');
  expect(Object.keys(history.points()[0]!.cpus[0]!)).not.toContain('reason');
});
