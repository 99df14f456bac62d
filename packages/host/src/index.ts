/**
 * A whole machine in one object: `createHost` builds the engine; `Backend` is what it has in common with the kernel.
 *
 * @packageDocumentation
 */
export * from './backend.ts';
export * from './builtin-handlers.ts';
export type { CollectionMapOptions } from './collection/collection-maps.ts';
export { type ConstantValue, hasConstant } from './collection/constants.ts';
export * from './collection/load-collection.ts';
export type { ProgramTypes } from './collection/program-spec.ts';
export { engineTargetTypes } from './collection/target-types.ts';
export * from './collection/verify-collection.ts';
export * from './costs/cost-set.ts';
export * from './costs/measure-costs.ts';
export * from './costs/published-costs.ts';
export * from './costs/stage-counts.ts';
export * from './costs/stage-profile.ts';
export * from './cpu-map.ts';
export type { HandlerCode } from './cpu-runtime.ts';
export { beginCaptureFile, type CaptureFileOptions } from './handlers.ts';
export { createHost } from './host.ts';
export * from './host-api.ts';
export type { Ledger } from './ledger.ts';
export type { AddressRange, ProbeFilter } from './probe/filter.ts';
export { DROP_REASONS, type DropReason, dropReasonText, HOOKS, type Hook, reasonNumber } from './probe/hooks.ts';
export type { Probe, ProbeBatch, ProbeOptions, ProbeRecord } from './probe/probe-control.ts';
export type { LoadedProgram } from './program-control.ts';
export type { ProgramStep } from './program-steps.ts';
export { type CpuStatistics, type DeviceStatistics, type Statistics, total } from './statistics.ts';
export type { TestRunOptions, TestRunResult, XdpMd } from './test-run.ts';
