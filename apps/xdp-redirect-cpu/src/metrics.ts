/** The counters of a run for others: at /metrics of the page, and to a collector. Loaded only when one of them is asked for. */
import type { DashboardOptions } from '@cpumap/dashboard';
import type { BackendStatistics } from '@cpumap/host';
import { createPrometheusMetrics, type MetricsOptions, type OtlpExport, startOtlpExport } from '@cpumap/metrics';

/** What is read, and of what. */
export interface Metered {
  readonly backend: {
    readonly kind: string;
    readonly release: string;
    statistics(): BackendStatistics;
    queueDepths?(): ReadonlyMap<number, number>;
  };
  readonly programName: string;
}

const metricsOf = ({ backend, programName }: Metered): MetricsOptions => ({
  read: () => ({ statistics: backend.statistics(), depths: backend.queueDepths?.() }),
  info: { backend: backend.kind, release: backend.release, program: programName },
});

/** The route /metrics, for Prometheus. */
export function metricsRoute(metered: Metered): NonNullable<DashboardOptions['routes']> {
  const metrics = createPrometheusMetrics(metricsOf(metered));
  return (app) => {
    app.get('/metrics', async (c) => c.body(await metrics.scrape(), 200, { 'Content-Type': metrics.contentType }));
  };
}

/** Exports until it is closed; what fails is complained about once, until it works again or fails otherwise. */
export function exportMetrics(
  metered: Metered,
  endpoint: string,
  complain: (text: string) => void,
): Promise<OtlpExport> {
  let last = '';
  return startOtlpExport({
    ...metricsOf(metered),
    endpoint,
    onProblem(message) {
      if (message !== last) complain(`--otlp: ${message}`);
      last = message;
    },
  });
}
