/**
 * Whole scenarios of a cpumap, counted: each a function from options to a plain result.
 *
 * @packageDocumentation
 */
export { LOADS, type LoadName } from './autoscale/loads.ts';
export type { Interval } from './autoscale/record.ts';
export type { AutoscaleResult, AutoscaleRun } from './autoscale/result.ts';
export { type AutoscaleOptions, runAutoscale } from './autoscale/run-autoscale.ts';
export type { CpuTime } from './cpu-time.ts';
export type { DdosResult, DdosRun } from './ddos/result.ts';
export { type DdosOptions, runDdos, WIRE_SPEED } from './ddos/run-ddos.ts';
export { ENCAPSULATIONS, type Encapsulation, type EncapsulationName } from './imbalance/encapsulations.ts';
export type { ImbalanceResult, ImbalanceRun, Spread } from './imbalance/result.ts';
export { type ImbalanceOptions, runImbalance } from './imbalance/run-imbalance.ts';
export { onSampleMaps, type SpreadingProgram, steeringFor } from './imbalance/spreading-program.ts';
export { jainIndex } from './jain.ts';
export { type AutoscaleOnLinuxOptions, runAutoscaleOnLinux } from './linux/autoscale-on-linux.ts';
export { type DdosOnLinuxOptions, runDdosOnLinux } from './linux/ddos-on-linux.ts';
export { type ImbalanceOnLinuxOptions, runImbalanceOnLinux } from './linux/imbalance-on-linux.ts';
export type { SampleMachine } from './sample-machine.ts';
export type { EngineSettings, RanOn, RanOnEngine, RanOnLinux } from './settings.ts';
