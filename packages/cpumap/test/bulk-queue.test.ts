/** Bulk queues and their flush, one frame at a time: when the ring sees frames, and who is woken when. */
import type { BpfMap } from '@cpumap/bpf';
import { TASK_SLEEPING, TASK_WOKEN } from '@cpumap/smp';
import { RELEASES } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBench } from './support/bench.ts';

const CPUS = 4;

const enqueued = (lines: readonly string[]): string[] => {
  return lines.flatMap((line) => {
    const [, map, processed, drops, to] =
      /enqueue cpu=0 map_id=(\d+) action=REDIRECT processed=(\d+) drops=(\d+) to_cpu=(\d+)/.exec(line) ?? [];
    return map === undefined ? [] : [`${map}[${to}] ${processed}${drops === '0' ? '' : `-${drops}`}`];
  });
};

describe.each(RELEASES)('on %s', (release) => {
  it('the ninth frame puts eight in the ring and wakes nobody; the end of the poll puts the ninth there and wakes', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 64);
    const entry = bench.entry(map, 1);
    const seen: [number, number][] = [];
    bench.begin(0);
    for (let frame = 1; frame <= 17; frame++) {
      expect(bench.redirect(map, 1)).toBe(0);
      seen.push([bench.depth(entry), bench.kthreadState(entry)]);
    }
    const depths = Array.from({ length: 17 }, (_, i) => (i < 8 ? 0 : i < 16 ? 8 : 16));
    expect(seen).toEqual(depths.map((depth) => [depth, TASK_SLEEPING]));
    expect(bench.turn(1)).toBe(0); // asleep: it does not look
    bench.endPoll();
    expect([bench.depth(entry), bench.kthreadState(entry)]).toEqual([17, TASK_WOKEN]);
    await bench.end();
    expect(bench.delivered).toHaveLength(17);
  });

  it('a flush that drops everything still wakes', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 2);
    const entry = bench.entry(map, 1);
    bench.begin(0);
    for (let frame = 0; frame < 8; frame++) bench.redirect(map, 1);
    bench.endPoll();
    bench.turn(1);
    expect(bench.kthreadState(entry)).toBe(TASK_SLEEPING);
    await bench.end();
    expect([bench.sum('taken'), bench.sum('ring_full'), bench.delivered.length]).toEqual([8, 6, 2]);
  });

  it('frames behind a refused one are still tried: the remote CPU may have made room meanwhile', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 2);
    bench.begin(0);
    for (let frame = 0; frame < 2; frame++) bench.redirect(map, 1);
    bench.endPoll();
    for (let frame = 2; frame < 10; frame++) bench.redirect(map, 1);
    bench.meanwhile.atFree = () => bench.turn(1); // when the first of the eight is freed
    bench.endPoll();
    await bench.end();
    expect(bench.delivered.map(({ number }) => number)).toEqual([0, 1, 3, 4]);
    expect(enqueued(bench.lines())).toEqual(['1[1] 2', '1[1] 8-6']);
  });

  it('an end of a poll without redirects does nothing', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 1, 64);
    bench.begin(0);
    bench.endPoll();
    expect([bench.lines(), bench.kthreadState(bench.entry(map, 1))]).toEqual([[], TASK_SLEEPING]);
    await bench.end();
  });

  it('each CPU has bulk queues of its own', async () => {
    const bench = createBench(release);
    const map = bench.create();
    bench.set(map, 2, 64);
    for (const cpu of [0, 1]) bench.begin(cpu);
    for (let n = 0; n < 6; n++) for (const cpu of [0, 1]) bench.redirect(map, 2, cpu);
    expect(bench.depth(bench.entry(map, 2))).toBe(0); // twelve frames, but six each
    bench.endPoll(1);
    expect(bench.depth(bench.entry(map, 2))).toBe(6);
    bench.endPoll(0);
    expect(bench.depth(bench.entry(map, 2))).toBe(12);
    await bench.end();
  });
});

/** What a list of redirects and one flush at the end do, as enqueue events: the rules of the kernel, written again. */
function model618(redirects: readonly [number, number][]): string[] {
  const events: string[] = [];
  const list: { key: string; count: number }[] = []; // newest first
  for (const [map, cpu] of redirects) {
    const key = `${map}[${cpu}]`;
    let at = list.findIndex((queue) => queue.key === key);
    if (at >= 0 && list[at]!.count === 8) {
      events.push(`${key} 8`);
      list.splice(at, 1);
      at = -1;
    }
    if (at < 0) list.unshift({ key, count: 1 });
    else list[at]!.count++;
  }
  return [...events, ...list.map(({ key, count }) => `${key} ${count}`)];
}

function model415(redirects: readonly [number, number][]): string[] {
  const events: string[] = [];
  let pending = new Map<number, number>(); // of the one map that may have any: by CPU
  let pendingMap = 0;
  const flush = (): void => {
    for (const cpu of [...pending.keys()].sort((a, b) => a - b))
      events.push(`${pendingMap}[${cpu}] ${pending.get(cpu)}`);
    pending = new Map();
  };
  for (const [map, cpu] of redirects) {
    if (map !== pendingMap) flush();
    pendingMap = map;
    if (pending.get(cpu) === 8) {
      events.push(`${map}[${cpu}] 8`);
      pending.set(cpu, 0);
    }
    pending.set(cpu, (pending.get(cpu) ?? 0) + 1);
  }
  flush();
  return events;
}

describe.each([
  ['6.18', model618],
  ['4.15', model415],
] as const)('any poll on %s', (release, model) => {
  const polls = fc.array(fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(CPUS - 1)), { maxLength: 64 }), {
    minLength: 1,
    maxLength: 4,
  });

  it('is flushed in the order of the kernel', async () => {
    await fc.assert(
      fc.asyncProperty(polls, async (sequence) => {
        const bench = createBench(release, { cpus: CPUS, mib: 8 });
        const maps: BpfMap[] = [1, 2, 3].map(() => bench.create());
        for (const map of maps) for (let cpu = 0; cpu < CPUS; cpu++) bench.set(map, cpu, 256);
        for (const redirects of sequence) {
          bench.begin(0);
          for (const [map, cpu] of redirects) expect(bench.redirect(maps[map - 1]!, cpu)).toBe(0);
          bench.endPoll();
          expect(enqueued(bench.lines())).toEqual(model(redirects));
          await bench.rest();
        }
        await bench.end();
        expect(bench.delivered).toHaveLength(sequence.flat().length);
      }),
      { numRuns: 60 },
    );
  });
});
