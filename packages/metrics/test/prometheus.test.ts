/** A scrape says what the machine counted, in a form that Prometheus' own tool finds nothing wrong with. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrometheusMetrics, METRICS } from '@cpumap/metrics';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyHost } from './support/machine.ts';

const promtool = spawnSync('promtool', ['--version']).error === undefined;
if (!promtool) console.warn('promtool is not installed (Debian: prometheus): the check of the format is skipped');

let host: Awaited<ReturnType<typeof busyHost>>;
beforeAll(async () => {
  host = await busyHost();
});
afterAll(() => host.close());

const metricsOf = (withDepths = true) =>
  createPrometheusMetrics({
    read: () => ({ statistics: host.statistics(), depths: withDepths ? host.queueDepths() : undefined }),
    info: () => ({ backend: 'engine', release: '6.18' }),
  });

/** name{labels} -> value */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('a scrape', () => {
  it('has the counters of the machine', async () => {
    const samples = parse(await metricsOf().scrape());
    const { cpus, devices } = host.statistics();
    const [rx, one, two] = cpus;
    expect(Object.fromEntries(samples)).toMatchObject({
      'cpumap_info{backend="engine",release="6.18"}': 1,
      'cpumap_rx_packets_total{device="nic0"}': 3000,
      'cpumap_rx_bytes_total{device="nic0"}': devices[0]!.counters.rx_bytes,
      'cpumap_rx_missed_total{device="nic0"}': 0,
      'cpumap_rx_queue_packets_total{device="nic0",queue="0"}': 3000,
      'cpumap_xdp_frames_total{cpu="0",action="redirect"}': 2000,
      'cpumap_xdp_frames_total{cpu="0",action="redirect_err"}': rx!.xdp.redirect_err,
      'cpumap_enqueue_frames_total{from_cpu="0",to_cpu="1"}': 1000,
      'cpumap_enqueue_drops_total{from_cpu="0",to_cpu="1"}': rx!.cpumap.ring_full,
      'cpumap_enqueue_bulks_total{from_cpu="0",to_cpu="2"}': rx!.trace.enqueue[2]!.events,
      'cpumap_kthread_frames_total{cpu="1"}': 1000 - rx!.cpumap.ring_full,
      'cpumap_kthread_frames_total{cpu="2"}': 1000,
      'cpumap_kthread_sched_total{cpu="2"}': two!.trace.kthread.sched,
      'cpumap_remote_program_frames_total{cpu="2",action="drop"}': 1000,
      'cpumap_delivered_frames_total{cpu="1"}': one!.cpumap.delivered,
      'cpumap_delivered_frames_total{cpu="2"}': 0,
      'cpumap_wakeups_total{cpu="0"}': rx!.cpumap.wakeups,
      'cpumap_queue_depth_frames{cpu="1"}': 0,
    });
    expect(rx!.cpumap.ring_full).toBeGreaterThan(0);
    expect(rx!.xdp.redirect_err + rx!.xdp.aborted).toBe(1000);
  });

  it('knows no CPU that had nothing to do', async () => {
    expect(await metricsOf().scrape()).not.toMatch(/cpumap_(kthread_\w+\{cpu="[03]|xdp_\w+\{cpu="[123])"/);
  });

  it('reckons the depth of rings where nobody tells it', async () => {
    const samples = parse(await metricsOf(false).scrape());
    expect(samples.get('cpumap_queue_depth_frames{cpu="1"}')).toBe(0);
    expect(samples.get('cpumap_queue_depth_frames{cpu="2"}')).toBe(0);
  });

  it('says what is measured as it is at the moment', async () => {
    let program = 'one';
    const metrics = createPrometheusMetrics({
      read: () => ({ statistics: host.statistics() }),
      info: () => ({ program }),
    });
    expect(parse(await metrics.scrape()).get('cpumap_info{program="one"}')).toBe(1);
    program = 'another';
    const samples = parse(await metrics.scrape());
    expect(samples.get('cpumap_info{program="another"}')).toBe(1);
    expect(samples.has('cpumap_info{program="one"}')).toBe(false);
  });

  it('is of one moment, and of another the next time', async () => {
    let reads = 0;
    const metrics = createPrometheusMetrics({
      read: () => {
        reads++;
        return { statistics: host.statistics() };
      },
      info: () => ({ backend: 'engine' }),
    });
    await metrics.scrape();
    expect(reads).toBe(1);
    await metrics.scrape();
    expect(reads).toBe(2);
  });

  it.skipIf(!promtool)('passes promtool check metrics', async () => {
    const text = await metricsOf().scrape();
    expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
  });
});

describe('the catalogue', () => {
  it('has each name once, in the form that Prometheus wants', () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, kind, help } of METRICS) {
      expect(name).toMatch(kind === 'counter' ? /^cpumap_[a-z_]+_total$/ : /^cpumap_[a-z_]+(?<!_total)$/);
      expect(help).toMatch(/\.$/);
    }
  });

  it('names in each sample the labels that it announces', () => {
    const snapshot = { statistics: host.statistics(), depths: host.queueDepths() };
    for (const metric of METRICS) {
      for (const { labels } of metric.read(snapshot)) expect(Object.keys(labels)).toEqual([...metric.labels]);
    }
  });

  it('is listed in the README', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    for (const { name, labels } of METRICS) expect(readme).toContain(`| \`${name}\` | ${labels.join(', ')} |`);
  });
});

describe('the Grafana dashboard', () => {
  interface Panel {
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }
  const dashboard = JSON.parse(readFileSync(new URL('../grafana/cpumap.json', import.meta.url), 'utf8'));
  const panels: readonly Panel[] = dashboard.panels;

  it('asks for metrics and labels that exist', () => {
    const known = new Map<string, readonly string[]>(METRICS.map(({ name, labels }) => [name, labels]));
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(8);
    for (const expr of expressions) {
      const names = expr.match(/cpumap_\w+/g) ?? [];
      expect(names.length, expr).toBeGreaterThan(0);
      for (const name of names) expect([...known.keys()]).toContain(name);
      const grouped = expr.match(/by \(([^)]*)\)/)?.[1]?.split(/,\s*/) ?? [];
      for (const label of grouped)
        expect(
          names.some((name) => known.get(name)!.includes(label)),
          expr,
        ).toBe(true);
    }
  });

  it('has panels that do not lie on each other', () => {
    for (const [index, { gridPos: a, title }] of panels.entries()) {
      expect(a.x + a.w, title).toBeLessThanOrEqual(24);
      for (const { gridPos: b } of panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect(apart, title).toBe(true);
      }
    }
  });

  it.skipIf(!promtool)('has expressions that Prometheus parses', () => {
    const expressions = panels.flatMap(({ targets = [] }) => targets.map((target) => target.expr));
    const rules = expressions.map((expr, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$device', '.*'),
    }));
    const folder = mkdtempSync(join(tmpdir(), 'grafana-'));
    try {
      const file = join(folder, 'rules.json');
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
      const said = execFileSync('promtool', ['check', 'rules', '--lint=none', file], { encoding: 'utf8' });
      expect(said).toContain(`${expressions.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
