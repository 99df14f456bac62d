/**
 * A page in the browser that shows a running cpumap: where frames come in, which CPU takes them over, what is lost on the
 * way, and why a CPU is hot.
 *
 * @packageDocumentation
 */
export { createDashboard, type Dashboard, DashboardError, type DashboardOptions } from './dashboard.ts';
export type * from './protocol.ts';
export {
  type Arrivals,
  type ControlName,
  ControlRefused,
  type Counters,
  type CpuCounters,
  type DashboardControls,
  type DashboardSource,
  type FlowSampler,
  type SampledFrame,
} from './source.ts';
