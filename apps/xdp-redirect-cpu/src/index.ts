/**
 * The command xdp-redirect-cpu as a library: settings in, a run with its output, an exit code out.
 *
 * @packageDocumentation
 */
export * from './exit-codes.ts';
export { parseOptions } from './invocation.ts';
export type { LinuxSummary } from './linux/linux-summary.ts';
export { commandReference } from './reference.ts';
export { explainError, run } from './run.ts';
export type { RunOutputs, TextOutput } from './screen.ts';
export type { Settings, UserCode, UserObject } from './settings.ts';
export type { Summary } from './summary.ts';
