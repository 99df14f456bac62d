/**
 * A whole machine in one object: `createHost` builds the engine; `Backend` is what it has in common with the kernel.
 *
 * @packageDocumentation
 */
export * from './backend.ts';
export * from './builtin-handlers.ts';
export * from './cpu-map.ts';
export type { HandlerCode } from './cpu-runtime.ts';
export { beginCaptureFile, type CaptureFileOptions } from './handlers.ts';
export { createHost, type DeviceOptions, type Host, type HostOptions } from './host.ts';
export type { Ledger } from './ledger.ts';
export { type CpuStatistics, type DeviceStatistics, type Statistics, total } from './statistics.ts';
