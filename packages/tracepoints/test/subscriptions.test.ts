import { describe, expect, it } from 'vitest';
import { createTraceArea, traceCpu } from '../src/trace-area.ts';
import { tracing } from './support/tracing.ts';

const heads = ({ memory, at }: ReturnType<typeof tracing>) =>
  Array.from({ length: at.nrCpus }, (_, cpu) => memory.u32[traceCpu(at, cpu).head >> 2]);

/** Fires one event of each kind on CPU 0. */
function fireAll({ cpus }: ReturnType<typeof tracing>): void {
  const cpu = cpus[0]!;
  cpu.redirect(1, 2, 0, 0, 3, 1, true, 16);
  cpu.redirect(1, 2, 0, -22, 3, 1, true, 16);
  cpu.exception(1, 0, 2);
  cpu.cpumapEnqueue(3, 8, 0, 1);
  cpu.cpumapKthread(9, 3, 8, 0, 1, 0, 0, 0);
}
const ALL = ['xdp_redirect', 'xdp_redirect_err', 'xdp_exception', 'xdp_cpumap_enqueue', 'xdp_cpumap_kthread'] as const;

describe('an event', () => {
  it('that nobody listens to writes nothing', () => {
    const trace = tracing();
    fireAll(trace);
    expect(heads(trace)).toEqual([0, 0]);
    expect(trace.memory.u32[(traceCpu(trace.at, 0).slots + 16) >> 2]).toBe(0);
  });

  it.each(ALL)('%s is written alone when it alone is listened to', (name) => {
    const trace = tracing();
    const subscription = trace.control.subscribe([name]);
    fireAll(trace);
    expect(heads(trace)).toEqual([1, 0]);
    expect(subscription.read().records.map(({ event }) => event)).toEqual([name]);
  });

  it('stays on until its last listener has closed, each of them once', () => {
    const trace = tracing();
    const [one, two] = [trace.control.subscribe(['xdp_exception']), trace.control.subscribe(['xdp_exception'])];
    const other = trace.control.subscribe(['xdp_redirect', 'xdp_redirect']);
    const written = () => {
      const [before] = heads(trace);
      fireAll(trace);
      return heads(trace)[0]! - before!;
    };
    expect(written()).toBe(2);
    one.close();
    one.close();
    expect(written()).toBe(2);
    two.close();
    expect(written()).toBe(1);
    other.close();
    expect(written()).toBe(0);
  });

  it.each([
    ['6.18', 'xdp_redirect', true],
    ['6.18', 'xdp_redirect_err', false],
    ['6.18', 'xdp_cpumap_enqueue', false],
    ['4.15', 'xdp_redirect', true],
    ['4.15', 'xdp_redirect_map', true],
    ['4.15', 'xdp_redirect_map_err', false],
  ] as const)('in %s, %s: redirects that went well are traced: %s', (release, name, traced) => {
    const { control, cpus } = tracing({ release });
    expect(cpus[1]!.tracesRedirect()).toBe(false);
    const subscription = control.subscribe([name]);
    expect(cpus[1]!.tracesRedirect()).toBe(traced);
    subscription.close();
    expect(cpus[1]!.tracesRedirect()).toBe(false);
  });

  it('that the release does not have is ENOENT, and nothing is switched on', () => {
    const trace = tracing();
    expect(() => trace.control.subscribe(['xdp_redirect', 'xdp_redirect_map'])).toThrow(
      expect.objectContaining({
        code: 'ENOENT',
        syscall: 'tracepoint xdp_redirect_map',
        hint: expect.stringContaining('xdp_redirect_err'),
      }),
    );
    fireAll(trace);
    expect(heads(trace)).toEqual([0, 0]);
    tracing({ release: '4.15' }).control.subscribe(['xdp_redirect_map']);
  });
});

describe('a reader', () => {
  it('begins with what comes after it', () => {
    const trace = tracing();
    trace.control.subscribe();
    fireAll(trace);
    const late = trace.control.subscribe();
    expect(late.read()).toEqual({ records: [], lost: 0 });
    fireAll(trace);
    expect(late.read().records.map(({ event }) => event)).toEqual(ALL);
    expect(late.read()).toEqual({ records: [], lost: 0 });
  });

  it('gets when, where and all fields', () => {
    const { control, cpus, time } = tracing();
    const subscription = control.subscribe();
    time.now = 123456.5;
    cpus[1]!.exception(7, 3, 2);
    expect(subscription.read().records).toEqual([
      {
        event: 'xdp_exception',
        timestampNs: 123456.5,
        cpu: 1,
        fields: {
          common_type: 5,
          common_flags: 0,
          common_preempt_count: 0,
          common_pid: 0,
          prog_id: 7,
          act: 3,
          ifindex: 2,
        },
      },
    ]);
  });

  it('gets the records of all CPUs in the order of time', () => {
    const { control, cpus, time } = tracing({ nrCpus: 3 });
    const subscription = control.subscribe();
    const order = [2, 0, 0, 1, 2, 1, 0];
    for (const cpu of order) {
      time.now += 10;
      cpus[cpu]!.exception(time.now, 0, 2);
    }
    const { records } = subscription.read();
    expect(records.map(({ cpu }) => cpu)).toEqual(order);
    expect(records.map(({ fields }) => fields.prog_id)).toEqual([10, 20, 30, 40, 50, 60, 70]);
  });

  // the slot that the writer writes next is never read: a ring of n holds n - 1
  const SIZE = 16;
  const AROUND = [0, 1, SIZE - 2, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE - 1, 2 * SIZE, 5 * SIZE + 3];
  it.each([0, 5, 2 ** 32 - 8].flatMap((start) => AROUND.map((fired) => [fired, start] as const)))(
    'that comes after %i records into a ring of 16 gets the newest 15 and the count of the others (head at %i)',
    (fired, start) => {
      const { memory, at, control, cpus } = tracing({ records: SIZE });
      memory.u32[traceCpu(at, 1).head >> 2] = start;
      const subscription = control.subscribe();
      for (let i = 0; i < fired; i++) cpus[1]!.exception(i, 0, 2);
      const kept = Math.min(fired, SIZE - 1);
      const { records, lost } = subscription.read();
      expect(lost).toBe(fired - kept);
      expect(records.map(({ fields }) => fields.prog_id)).toEqual(
        Array.from({ length: kept }, (_, i) => fired - kept + i),
      );
      cpus[1]!.exception(-1, 0, 2);
      expect(subscription.read()).toMatchObject({ records: [{ fields: { prog_id: -1 } }], lost: 0 });
    },
  );

  it('does not feel the others: each has its own place', () => {
    const trace = tracing({ records: 16 });
    const fast = trace.control.subscribe();
    const slow = trace.control.subscribe();
    const picky = trace.control.subscribe(['xdp_exception']);
    let seen = 0;
    for (let round = 0; round < 10; round++) {
      fireAll(trace);
      const { records, lost } = fast.read();
      seen += records.length;
      expect(lost).toBe(0);
    }
    expect(seen).toBe(50);
    const { records, lost } = slow.read();
    expect([records.length, lost]).toEqual([15, 35]);
    const picked = picky.read();
    expect(picked.records.map(({ event }) => event)).toEqual(['xdp_exception', 'xdp_exception', 'xdp_exception']);
    expect(picked.lost).toBe(35);
  });
});

describe('a trace area', () => {
  it.each([
    [0, 2],
    [1, 2],
    [2, 2],
    [3, 4],
    [16, 16],
    [1000, 1024],
  ])('for %i records has %i slots', (records, size) => {
    const { allocator } = tracing();
    expect(createTraceArea(allocator, 1, records).size).toBe(size);
  });

  it('keeps the CPUs apart, counters and slots alike', () => {
    const nrCpus = 5;
    const { at, memory, allocator } = tracing({ nrCpus, records: 4 });
    const parts = Array.from({ length: nrCpus }, (_, cpu) => traceCpu(at, cpu));
    for (const [cpu, { head, counters, enqueue, errnos, slots }] of parts.entries()) {
      expect([head % 64, slots % 64]).toEqual([0, 0]);
      expect([counters - head >= 64, enqueue > counters, errnos - enqueue, slots - errnos >= 128 * 8]).toEqual([
        true,
        true,
        nrCpus * 24,
        true,
      ]);
      expect(parts[cpu + 1]?.head ?? slots + 4 * 64).toBe(slots + 4 * 64);
    }
    expect(allocator.alloc(64)).toBeGreaterThanOrEqual(parts.at(-1)!.slots + 4 * 64);
    expect(memory.u32[at.mask >> 2]).toBe(0);
  });
});
