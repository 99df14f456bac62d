/** The counters of a run for others: at /metrics of the page, and to a collector. Loaded only when one of them is asked for. */
import type { DashboardOptions } from '@cpumap/dashboard';
import type { BackendStatistics } from '@cpumap/host';
import { createPrometheusMetrics, type MetricsOptions, type OtlpExport, startOtlpExport } from '@cpumap/metrics';
import type { SampleMachine } from './machine.ts';

/** What is read, and of what. */
export interface Metered {
  readonly backend: {
    readonly kind: string;
    readonly release: string;
    statistics(): BackendStatistics;
    queueDepths?(): ReadonlyMap<number, number>;
  };
  /** Read at each scrape: the page may put another program in place. */
  readonly programName: string;
}

const metricsOf = (metered: Metered): MetricsOptions => ({
  read: () => ({ statistics: metered.backend.statistics(), depths: metered.backend.queueDepths?.() }),
  info: () => ({
    backend: metered.backend.kind,
    release: metered.backend.release,
    program: metered.programName,
  }),
});

export const meteredHost = (machine: Pick<SampleMachine, 'host' | 'programName'>): Metered => ({
  backend: machine.host,
  get programName() {
    return machine.programName;
  },
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
