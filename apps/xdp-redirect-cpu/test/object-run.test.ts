import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCapture } from '@cpumap/nic';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { afterAll, describe, expect, it } from 'vitest';
import type { Summary } from 'xdp-redirect-cpu';
import { EVERYDAY, runCommand, summaryOf } from './support/command.ts';
import { benchObject, type Distribution, objectPath, pcapOf, recordedVerdicts } from './support/objects.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const WAYS = [
  ['threads', 'jit'],
  ['virtual', 'jit'],
  ['threads', 'interp'],
  ['virtual', 'interp'],
] as const;

/** xdp-bench's name of a program, with `_`, and that of the object's. */
const SEED_PROGRAMS = {
  no_touch: 'xdp_prognum0_no_touch',
  touch_data: 'xdp_prognum1_touch_data',
  l4_proto: 'xdp_prognum3_proto_separate',
  l4_filter: 'xdp_prognum4_ddos_filter_pktgen',
  l4_hash: 'xdp_prognum5_lb_hash_ip_pairs',
};
const BENCH_PROGRAMS = ['no_touch', 'touch_data', 'l4_proto', 'l4_filter', 'l4_hash'];

const file = (name: string, bytes: Uint8Array): string => {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
};

/** The entries of a dumped map, by key. */
function dumped(summary: Summary, name: string): Map<unknown, Record<string, number>> {
  const found = summary.maps!.find((map) => map.name === name)!;
  return new Map(found.entries.map(({ key, value }) => [key, value as Record<string, number>]));
}

/** What each CPU's kthread took, by index in cpus_available when CPU 1 is the first. */
function taken({ kthread }: Summary, cpus: number): number[] {
  return Array.from({ length: cpus }, (_, index) => kthread.find(({ cpu }) => cpu === index + 1)?.processed ?? 0);
}

// Linux 6.18's verdicts on 3533 packets of tcpdump's captures, cpus_count 4
describeWithData('objects spread real packets as Linux did', 'kernel-6.18/verdicts.ndjson.gz', (data) => {
  const recorded = recordedVerdicts(data);
  const capture = file('recorded.pcap', pcapOf(recorded.frames));
  const cpus = recorded.cpusCount;
  const remote = Array.from({ length: cpus }, (_, index) => ['--cpu', String(index + 1)]).flat();
  const run = async (object: string, ...args: string[]): Promise<Summary> => {
    const common = ['--obj', object, '--input', capture, ...remote, '--qsize', '16384', '--json'];
    const finished = await runCommand([...common, ...args]);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    return summaryOf(finished);
  };

  function expectDistribution(summary: Summary, { redirects, pass, drop }: Distribution): void {
    expect(taken(summary, cpus)).toEqual(redirects);
    expect(summary.xdp).toMatchObject({ pass, drop, aborted: 0, redirect_err: 0 });
    expect(summary.ledger).toMatchObject({ balanced: true, in_flight: 0 });
    expect(summary.errors).toEqual([]);
  }

  describe.each(['seed-style.o', 'seed-style-19.o'])('%s', (name) => {
    const counted = ['rx_cnt', 'cpumap_enqueue_cnt', 'cpumap_kthread_cnt', 'redirect_err_cnt', 'exception_cnt'];
    const dumps = counted.flatMap((map) => ['--dump-map', map]);
    const ways = name === 'seed-style.o' ? WAYS : WAYS.slice(0, 1);
    const rows = Object.entries(SEED_PROGRAMS).flatMap(([mode, program]) =>
      (mode === 'l4_hash' || mode === 'l4_proto' ? ways : ways.slice(0, 1)).map(
        (way) => [mode, program, ...way] as const,
      ),
    );

    it.each(rows)('%s (%s), %s, %s', async (mode, program, executor, engine) => {
      const way = ['--executor', executor, '--bpf-engine', engine];
      const summary = await run(objectPath(name), '--prog', program, ...dumps, ...way);
      const expected = recorded.distribution(mode);
      expectDistribution(summary, expected);

      // its own counters agree with the engine's; columns are processed, dropped, issue
      const enqueued = dumped(summary, 'cpumap_enqueue_cnt');
      const events = new Map(expected.redirects.map((frames, index) => [index + 1, frames]));
      for (const [cpu, frames] of events) expect(enqueued.get(cpu)?.['u64[0]'] ?? 0).toBe(frames);
      const sum = (field: 'processed' | 'sched'): number => summary.kthread.reduce((n, row) => n + row[field], 0);
      const kthread = dumped(summary, 'cpumap_kthread_cnt').get(0);
      expect(kthread).toEqual({ 'u64[0]': sum('processed'), 'u64[1]': 0, 'u64[2]': sum('sched') });
      const flushes = [...enqueued.values()].reduce((n, record) => n + record['u64[2]']!, 0);
      expect(flushes).toBe(summary.enqueue.events);
      const received = { 'u64[0]': recorded.frames.length, 'u64[1]': expected.drop, 'u64[2]': 0 };
      expect(dumped(summary, 'rx_cnt').get(0)).toEqual(received);
      expect([...dumped(summary, 'redirect_err_cnt'), ...dumped(summary, 'exception_cnt')]).toEqual([]);
    });
  });

  const bench = benchObject();
  if (bench === undefined) console.warn("SKIPPED: xdp-bench's object is not installed (Debian: xdp-tools)");
  describe.skipIf(bench === undefined)("xdp-bench's own object", () => {
    const path = bench === undefined ? '' : file('bench.o', bench);

    it('is accepted by the verifier, all programs for which there is an event', async () => {
      const { code, stdout } = await runCommand(['verify', path]);
      expect(stdout).toContain('cpumap_l4_hash (xdp): accepted');
      expect(stdout).toContain('tp_xdp_cpumap_kthread (tp_btf/xdp_cpumap_kthread): accepted');
      expect(stdout).toContain('tp_xdp_redirect_map: left out: 6.18 has no event xdp_redirect_map');
      expect(code).toBe(0);
    });

    it.each(BENCH_PROGRAMS)('%s, and its counters', async (mode) => {
      const dumps = ['cpumap_enqueue_cnt', 'cpumap_kthread_cnt', 'rx_cnt', '.rodata'].flatMap((map) => [
        '--dump-map',
        map,
      ]);
      const summary = await run(path, '--prog', `cpumap_${mode}`, ...dumps);
      const expected = recorded.distribution(mode);
      expectDistribution(summary, expected);
      expect(dumped(summary, '.rodata').get(0)).toMatchObject({ nr_cpus: cpus + 1 });
      // to_cpu * nr_cpus + cpu; the redirect's cpu is 0
      const enqueued = dumped(summary, 'cpumap_enqueue_cnt');
      const kthread = dumped(summary, 'cpumap_kthread_cnt');
      expected.redirects.forEach((frames, index) => {
        expect(enqueued.get((index + 1) * (cpus + 1))?.processed ?? 0).toBe(frames);
        expect(kthread.get(index + 1)?.processed ?? 0).toBe(frames);
      });
      expect(dumped(summary, 'rx_cnt').get(0)).toMatchObject({
        processed: recorded.frames.length,
        dropped: expected.drop,
      });
    });

    it('its second programs run in the entries', async () => {
      const summary = await run(
        path,
        '--prog',
        'cpumap_l4_hash',
        '--remote-prog',
        'cpumap_drop',
        '--dump-map',
        'cpumap_kthread_cnt',
      );
      expect(
        summary.kthread.every(({ processed, xdp_drop, delivered }) => xdp_drop === processed && delivered === 0),
      ).toBe(true);
      const drops = [...dumped(summary, 'cpumap_kthread_cnt').values()].reduce((n, { xdp_drop }) => n + xdp_drop!, 0);
      expect(drops).toBe(summary.xdp.redirect);
    });
  });

  /** What modern.bpf.c computes: Murmur's finish of the sum of both addresses; everything but IPv4 is 0. */
  function modernIndex(frame: Uint8Array): number {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    let at = 14;
    let type = view.getUint16(12);
    for (let tags = 0; tags < 2 && (type === 0x8100 || type === 0x88a8); tags++) {
      if (at + 4 > frame.length) return 0;
      type = view.getUint16(at + 2);
      at += 4;
    }
    if (type !== 0x0800 || at + 20 > frame.length) return 0;
    let word = (view.getUint32(at + 12, true) + view.getUint32(at + 16, true)) >>> 0;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return ((word ^ (word >>> 16)) >>> 0) % cpus;
  }

  describe.each(['modern.o', 'modern-19.o'])('%s', (name) => {
    it.each(name === 'modern.o' ? WAYS : WAYS.slice(0, 1))('%s, %s', async (executor, engine) => {
      const dumps = ['rx_cnt', 'enqueue_cnt', 'kthread_cnt', 'remote_cnt', '.rodata', '.bss'];
      const summary = await run(
        objectPath(name),
        ...['--prog', 'xdp_spread', '--remote-prog', 'remote_filter', '--executor', executor, '--bpf-engine', engine],
        ...dumps.flatMap((map) => ['--dump-map', map]),
      );
      const redirects = Array.from({ length: cpus }, () => 0);
      for (const frame of recorded.frames) redirects[modernIndex(frame)]!++;
      expectDistribution(summary, { redirects, pass: 0, drop: 0 });
      expect(dumped(summary, '.rodata').get(0)).toMatchObject({ cpus_count: cpus, 'config.drop_port': 9 });
      expect(dumped(summary, '.bss').get(0)).toEqual({ exceptions: 0 });
      expect(dumped(summary, 'rx_cnt').get(0)).toMatchObject({ processed: recorded.frames.length });
      const enqueued = dumped(summary, 'enqueue_cnt');
      const kthread = dumped(summary, 'kthread_cnt');
      for (const row of summary.kthread) {
        const { cpu, processed, sched: issue, xdp_pass: pass, xdp_drop: drop, xdp_redirect: redirect } = row;
        expect(kthread.get(cpu)).toEqual({ processed, dropped: 0, issue, pass, drop, redirect });
        expect(enqueued.get(cpu)).toMatchObject({ processed });
      }
      const drops = summary.kthread.reduce((n, { xdp_drop }) => n + xdp_drop, 0);
      expect(dumped(summary, 'remote_cnt').get(0)).toMatchObject({ processed: recorded.frames.length, dropped: drops });
    });
  });
});

describe('an object in the bundled capture', () => {
  const frames = decodeCapture(readFileSync(EVERYDAY)).frames.length;
  const run = (...args: string[]) => runCommand(['--input', EVERYDAY, '--cpu', '1', '--executor', 'virtual', ...args]);

  it('is chosen by the name of its section, and says what it does', async () => {
    const { code, stdout, stderr } = await run(
      '--obj',
      objectPath('seed-style.o'),
      '--section',
      'xdp_cpu_map2_round_robin',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('-> xdp_prognum2_round_robin (native) -> CPU 1 (queue 2048)');
    expect(stdout).toContain('Attached trace_xdp_cpumap_enqueue on xdp_cpumap_enqueue');
    expect(stdout).toContain('note: program trace_xdp_redirect_map_err is not attached: 6.18 has no event');
    expect(stdout).toContain(`CPU 1               : processed ${frames}, delivered ${frames}`);
  });

  it('shows maps at the end, by BTF and without', async () => {
    const modern = await run(
      '--obj',
      objectPath('modern.o'),
      '--prog',
      'xdp_spread',
      '--dump-map',
      'rx_cnt',
      '--dump-map',
      'events',
    );
    expect(modern.stdout).toContain('map rx_cnt (percpu_array, 64 entries)\n  key  cpu  processed  dropped  issue');
    expect(modern.stdout).toMatch(/\n {2}0 {4}0 +909 +0 +0 +0 +0 +0\n {2}63 more entries are 0\n/);
    expect(modern.stdout).toMatch(/map events \(ringbuf, 4096 entries\)\n {2}.*ENOTSUPP/);
    const seed = await run(
      '--obj',
      objectPath('seed-style.o'),
      '--section',
      'xdp_cpu_map0_no_touch',
      '--dump-map',
      'cpus_available',
    );
    expect(seed.stdout).toMatch(/ {2}0 +1\n {2}1 +12\n/);
  });

  it.each(['4.15', '6.18'])('counts errors of %s in its own maps as the release reports them', async (release) => {
    // generic XDP knew no cpumap in 4.15
    const args = ['--obj', objectPath('seed-style.o'), '--prog', 'xdp_prognum0_no_touch', '--skb-mode'];
    const finished = await run(...args, '--release', release, '--json', '--dump-map', 'redirect_err_cnt');
    const summary = summaryOf(finished);
    const expected = release === '4.15' ? frames : 0;
    expect(summary.xdp.redirect_err).toBe(expected);
    const errors = dumped(summary, 'redirect_err_cnt').get(1);
    expect(errors?.['u64[1]'] ?? 0).toBe(expected);
  });

  it('gets smaller maps when that is asked for, and says so', async () => {
    const { code, stdout } = await run(
      '--obj',
      objectPath('modern.o'),
      '--prog',
      'xdp_spread',
      '--clamp-maps',
      '256',
      '--cpus',
      '2',
    );
    expect(stdout + code).toMatch(/note: map flows has 256 entries instead of 1024\n/);
  });

  it('jumps to programs in its program array', async () => {
    const summary = summaryOf(
      await run('--obj', objectPath('btf-maps.o'), '--prog', 'xdp_main', '--json', '--dump-map', 'jumps'),
    );
    expect(summary.maps).toMatchObject([{ name: 'jumps', entries: [{ key: 1 }] }]);
    expect(summary.ledger.balanced).toBe(true);
  });
});
