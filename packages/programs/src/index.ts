/**
 * The programs of the cpumap sample and of xdp-bench as bytecode: what there is, specs to load them with, and their maps.
 *
 * @packageDocumentation
 */
export type { BytecodeSpec } from './bytecode.ts';
export * from './catalogue.ts';
export { MAX_CPUS } from './limits.ts';
export {
  type MapReference,
  type MapValueSize,
  type MonitorMapName,
  monitorMaps,
  type SampleMapName,
  sampleMaps,
  txPortMap,
} from './maps.ts';
export * from './monitor.ts';
export * from './steering/steering-programs.ts';
