/**
 * The metrics as Prometheus reads them. Counters are read when somebody scrapes, and at no other time.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import { METRICS, type Metric, type MetricsSnapshot } from './catalogue.ts';

export interface MetricsOptions {
  /** Called at each scrape and each export; must not wait. */
  readonly read: () => MetricsSnapshot;
  /** What `cpumap_info` says of the system at the moment: backend, release, program, …; always the same keys. */
  readonly info: () => Readonly<Record<string, string>>;
}

export interface PrometheusMetrics {
  /** For the header Content-Type. */
  readonly contentType: string;
  /** The text of a scrape. */
  scrape(): Promise<string>;
}

function register(registry: Registry, { name, help, kind, labels, read }: Metric, now: () => MetricsSnapshot): void {
  const settings = { name, help, labelNames: labels, registers: [registry] };
  if (kind === 'gauge') {
    new Gauge({
      ...settings,
      collect() {
        this.reset();
        for (const { labels: own, value } of read(now())) this.set(own, value);
      },
    });
    return;
  }
  new Counter({
    ...settings,
    collect() {
      this.reset();
      for (const { labels: own, value } of read(now())) this.inc(own, value);
    },
  });
}

export function createPrometheusMetrics({ read, info }: MetricsOptions): PrometheusMetrics {
  const registry = new Registry();
  let snapshot: MetricsSnapshot | undefined;
  // all metrics of a scrape are of one moment
  const now = (): MetricsSnapshot => {
    snapshot ??= read();
    return snapshot;
  };
  new Gauge({
    name: 'cpumap_info',
    help: 'What is measured; always 1.',
    labelNames: Object.keys(info()),
    registers: [registry],
    collect() {
      this.reset();
      this.set(info(), 1);
    },
  });
  for (const metric of METRICS) register(registry, metric, now);
  return {
    contentType: registry.contentType,
    async scrape() {
      snapshot = undefined;
      return registry.metrics();
    },
  };
}
