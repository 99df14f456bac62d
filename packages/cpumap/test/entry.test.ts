/** The life of an entry: made anew by every update, taken down only when its kthread has drained its ring. */
import { TASK_EXITED, TASK_SLEEPING } from '@cpumap/smp';
import { RELEASES } from '@cpumap/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kthreadName } from '../src/index.ts';
import { answerOf, type Bench, createBench } from './support/bench.ts';

describe.each(RELEASES)('on %s, an entry', (release) => {
  let bench: Bench;
  beforeEach(() => {
    bench = createBench(release);
  });
  afterEach(() => bench.end());

  it('is made by every update, also by one that changes nothing; its kthread sleeps when the update returns', () => {
    const map = bench.create();
    const seen = new Set<number>();
    for (let round = 0; round < 5; round++) {
      bench.set(map, 1, 64);
      const entry = bench.entry(map, 1);
      expect(bench.kthreadState(entry)).toBe(TASK_SLEEPING);
      seen.add(entry);
    }
    expect(seen.size).toBeGreaterThan(1);
  });

  it('that is replaced drains what it holds, with the new one beside it', async () => {
    const map = bench.create();
    bench.set(map, 1, 64);
    const old = bench.entry(map, 1);
    bench.begin(0);
    for (let n = 0; n < 20; n++) expect(bench.redirect(map, 1)).toBe(0);
    bench.endPoll();
    expect(bench.depth(old)).toBe(20);
    bench.set(map, 1, 32);
    expect([bench.type.dying, bench.type.rings().length]).toEqual([1, 2]);
    for (let n = 0; n < 10; n++) bench.redirect(map, 1);
    bench.endPoll();
    await bench.rest();
    bench.type.reap();
    expect([bench.type.dying, bench.type.rings().length]).toEqual([0, 1]);
    expect(new Set(bench.delivered.map(({ number }) => number)).size).toBe(30);
  });

  it('that is deleted with frames in its ring delivers them all', async () => {
    const map = bench.create();
    bench.set(map, 2, 512);
    const old = bench.entry(map, 2);
    bench.begin(0);
    for (let n = 0; n < 300; n++) bench.redirect(map, 2);
    bench.endPoll();
    map.delete(2);
    expect(bench.entry(map, 2)).toBe(0);
    await bench.rest();
    expect(bench.kthreadState(old)).toBe(TASK_EXITED);
    expect(bench.delivered.map(({ number }) => number)).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });

  it('gives all its memory back; the map with it', async () => {
    const before = bench.used();
    const map = bench.create({ maxEntries: 256 });
    const empty = bench.used();
    for (const qsize of [1, 64, 1000, 16_384]) {
      for (let cpu = 0; cpu < 3; cpu++) bench.set(map, cpu, qsize);
      await bench.rest();
    }
    for (let cpu = 0; cpu < 3; cpu++) map.delete(cpu);
    await bench.rest();
    bench.type.reap();
    expect(bench.used()).toBe(empty);
    map.close();
    expect(bench.used()).toBe(before);
  });

  it('takes a bounded memory, however often it is replaced and whether or not time passes', async () => {
    const map = bench.create();
    let most = 0;
    const cycle = async (rest: boolean): Promise<void> => {
      for (let round = 0; round < 300; round++) {
        bench.set(map, round % 3, 1 + ((round * 797) % 16_384));
        if (rest) await bench.rest();
        most = Math.max(most, bench.used());
      }
    };
    await cycle(true);
    const reached = most;
    await cycle(false);
    await cycle(true);
    expect(most).toBeLessThanOrEqual(2 * reached);
  });
});

describe('an update without memory', () => {
  it('is ENOMEM, says so, and leaves the entry and the memory as they were', async () => {
    const bench = createBench('6.18', { mib: 4 });
    const map = bench.create();
    bench.set(map, 1, 64);
    await bench.rest();
    const maps = [];
    for (;;) {
      const next = bench.create();
      if (answerOf(() => bench.set(next, 0, 16_384)) !== 'ok') break;
      maps.push(next);
    }
    const [entry, used] = [bench.entry(map, 1), bench.used()];
    for (let round = 0; round < 100; round++) {
      expect(() => bench.set(map, 1, 16_384)).toThrow(
        expect.objectContaining({ code: 'ENOMEM', hint: expect.stringContaining('a ring of 16384 frames') }),
      );
    }
    expect([bench.entry(map, 1), bench.used()]).toEqual([entry, used]);
    maps[0]!.close();
    expect(answerOf(() => bench.set(map, 1, 16_384))).toBe('ok');
    await bench.end();
  });
});

describe('kthreads', () => {
  it('have the name that ps shows', () => {
    expect(kthreadName(1, 202)).toBe('cpumap/1/map:202');
  });
});
