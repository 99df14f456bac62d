import { createPrng } from '@cpumap/smp';
import { describe, expect, it } from 'vitest';
import { readTraceCounters } from '../src/trace-area.ts';
import { tracing } from './support/tracing.ts';

const NOTHING = {
  redirect: 0,
  redirectErr: 0,
  exception: 0,
  kthread: { events: 0, processed: 0, drops: 0, sched: 0, xdpPass: 0, xdpDrop: 0, xdpRedirect: 0 },
  enqueue: [0, 1, 2].map(() => ({ processed: 0, drops: 0, events: 0 })),
  errnos: new Map(),
};

describe('counters', () => {
  it('begin at zero', () => {
    const { memory, at } = tracing({ nrCpus: 3 });
    for (const cpu of [0, 1, 2]) expect(readTraceCounters(memory, at, cpu)).toEqual(NOTHING);
  });

  it.each([
    ['nobody listens', false],
    ['somebody listens', true],
  ])('count every event of every CPU while %s', (_, listening) => {
    const { memory, at, cpus, control } = tracing({ nrCpus: 3, records: 8 });
    if (listening) control.subscribe();
    const random = createPrng(5);
    const wanted = cpus.map(() => structuredClone(NOTHING));
    const ERRNOS = [22, 28, 56, 75, 100];

    for (let i = 0; i < 3000; i++) {
      const who = random.below(3);
      const [cpu, sums] = [cpus[who]!, wanted[who]!];
      const [a, b, c, d, e, f] = [9, 9, 2, 9, 9, 9].map((bound) => random.below(bound)) as number[] & { length: 6 };
      const kind = random.below(5);
      if (kind === 0) {
        cpu.countRedirects(a!);
        sums.redirect += a!;
      } else if (kind === 1) {
        const errno = ERRNOS[random.below(ERRNOS.length)]!;
        cpu.redirect(1, 2, 0, -errno, 3, 0, true, 16);
        sums.redirectErr++;
        sums.errnos.set(errno, (sums.errnos.get(errno) ?? 0) + 1);
      } else if (kind === 2) {
        cpu.exception(1, 0, 2);
        sums.exception++;
      } else if (kind === 3) {
        const toCpu = random.below(3);
        cpu.cpumapEnqueue(3, a!, b!, toCpu);
        const row = sums.enqueue[toCpu]!;
        row.processed += a!;
        row.drops += b!;
        row.events++;
      } else {
        cpu.cpumapKthread(99, 3, a!, b!, c!, d!, e!, f!);
        const { kthread } = sums;
        kthread.events++;
        kthread.processed += a!;
        kthread.drops += b!;
        kthread.sched += c!;
        kthread.xdpPass += d!;
        kthread.xdpDrop += e!;
        kthread.xdpRedirect += f!;
      }
    }

    expect([0, 1, 2].map((cpu) => readTraceCounters(memory, at, cpu))).toEqual(wanted);
  });

  it('count redirects that went well by the poll: their events alone do not', () => {
    const { memory, at, cpus } = tracing();
    cpus[0]!.redirect(1, 2, 0, 0, 3, 0, true, 16);
    expect(readTraceCounters(memory, at, 0).redirect).toBe(0);
    cpus[0]!.countRedirects(64);
    expect(readTraceCounters(memory, at, 0)).toMatchObject({ redirect: 64, redirectErr: 0 });
  });

  it('go on beyond 32 bits', () => {
    const { memory, at, cpus } = tracing();
    cpus[0]!.countRedirects(2 ** 40);
    cpus[0]!.countRedirects(1);
    expect(readTraceCounters(memory, at, 0).redirect).toBe(2 ** 40 + 1);
    cpus[0]!.cpumapEnqueue(1, 2 ** 32 - 1, 0, 1);
    cpus[0]!.cpumapEnqueue(1, 8, 0, 1);
    expect(readTraceCounters(memory, at, 0).enqueue[1]).toEqual({ processed: 2 ** 32 + 7, drops: 0, events: 2 });
  });

  it('of two attachments of one CPU are the same ones', () => {
    const { memory, at, cpus } = tracing();
    cpus[1]!.exception(1, 0, 2);
    expect(readTraceCounters(memory, at, 0).exception).toBe(0);
    expect(readTraceCounters(memory, at, 1).exception).toBe(1);
  });
});
