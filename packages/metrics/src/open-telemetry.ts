/**
 * The metrics to an OpenTelemetry collector, by OTLP over HTTP with JSON. The SDK is loaded when an export is started, and
 * not before: it takes 0.1 s.
 */
import { METRICS } from './catalogue.ts';
import type { MetricsOptions } from './prometheus.ts';

export interface OtlpOptions extends MetricsOptions {
  /** Of the collector, as in http://localhost:4318; /v1/metrics is added unless there is a path. */
  readonly endpoint: string;
  /** Default 10 seconds. */
  readonly intervalMs?: number;
  /** Told why an export failed; the next one is tried nevertheless. */
  readonly onProblem?: (message: string) => void;
}

export interface OtlpExport {
  /** Exports what is counted now, too. */
  close(): Promise<void>;
}

/** After so many milliseconds an export that got no answer has failed. */
const TIMEOUT_MS = 2000;

/** @throws TypeError for what is no http URL */
export function otlpUrl(endpoint: string): string {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new TypeError(`${endpoint} is no URL; give one as in http://localhost:4318`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`${endpoint}: OTLP goes over http or https`);
  }
  if (url.pathname === '/') url.pathname = '/v1/metrics';
  return url.href;
}

/** A counter's name without the suffix that Prometheus wants: OpenTelemetry's exporters add it. */
const otelName = (name: string): string => name.replace(/_total$/, '').replace(/^cpumap_/, 'cpumap.');

/** @throws TypeError for what is no http URL */
export async function startOtlpExport(options: OtlpOptions): Promise<OtlpExport> {
  const { read, info, intervalMs = 10_000, onProblem } = options;
  const url = otlpUrl(options.endpoint);
  const [{ MeterProvider, PeriodicExportingMetricReader }, { OTLPMetricExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/exporter-metrics-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const exporter = new OTLPMetricExporter({ url, timeoutMillis: TIMEOUT_MS });
  const send = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      if (result.error !== undefined) onProblem?.(`metrics did not reach ${url}: ${result.error.message}`);
      done({ code: 0 }); // told; without it the SDK would log the same
    });
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(TIMEOUT_MS, intervalMs),
  });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'cpumap' }),
    readers: [reader],
  });
  const meter = provider.getMeter('@cpumap/metrics');
  const instruments = METRICS.map((metric) => {
    const settings = { description: metric.help, unit: metric.unit };
    const name = otelName(metric.name);
    return {
      metric,
      instrument:
        metric.kind === 'counter'
          ? meter.createObservableCounter(name, settings)
          : meter.createObservableGauge(name, settings),
    };
  });
  const about = meter.createObservableGauge('cpumap.info', { description: 'What is measured; always 1.' });
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(about, 1, info());
      const snapshot = read();
      for (const { metric, instrument } of instruments) {
        for (const { labels, value } of metric.read(snapshot)) result.observe(instrument, value, labels);
      }
    },
    [about, ...instruments.map(({ instrument }) => instrument)],
  );
  return { close: () => provider.shutdown() };
}
