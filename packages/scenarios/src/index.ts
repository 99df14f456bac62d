/**
 * Whole scenarios of a cpumap, counted: each a function from options to a plain result.
 *
 * @packageDocumentation
 */
export { LOADS, type LoadName } from './autoscale/loads.ts';
export type { Interval } from './autoscale/record.ts';
export {
  type AutoscaleOptions,
  type AutoscaleResult,
  type AutoscaleRun,
  runAutoscale,
} from './autoscale/run-autoscale.ts';
export type { CpuTime } from './cpu-time.ts';
export { type DdosOptions, type DdosResult, type DdosRun, runDdos, WIRE_SPEED } from './ddos/run-ddos.ts';
export { ENCAPSULATIONS, type Encapsulation, type EncapsulationName } from './imbalance/encapsulations.ts';
export {
  type ImbalanceOptions,
  type ImbalanceResult,
  type ImbalanceRun,
  runImbalance,
  type Spread,
} from './imbalance/run-imbalance.ts';
export { onSampleMaps, type SpreadingProgram, steeringFor } from './imbalance/spreading-program.ts';
export { jainIndex } from './jain.ts';
export type { SampleMachine } from './sample-machine.ts';
export type { EngineSettings } from './settings.ts';
