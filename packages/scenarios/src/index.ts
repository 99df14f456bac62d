/**
 * Whole scenarios of a cpumap, counted: each a function from options to a plain result.
 *
 * @packageDocumentation
 */
export { type DdosOptions, type DdosResult, type DdosRun, runDdos, WIRE_SPEED } from './ddos/run-ddos.ts';
export { ENCAPSULATIONS, type Encapsulation, type EncapsulationName } from './imbalance/encapsulations.ts';
export {
  type ImbalanceOptions,
  type ImbalanceResult,
  type ImbalanceRun,
  runImbalance,
  type Spread,
  type SpreadingProgram,
  steeringFor,
} from './imbalance/run-imbalance.ts';
export { jainIndex } from './jain.ts';
