/**
 * The command xdp-redirect-cpu as a library: settings in, a run with its output, an exit code out.
 *
 * @packageDocumentation
 */
export * from './exit-codes.ts';
export { parseOptions } from './invocation.ts';
export type { Settings, UserCode, UserObject } from './options.ts';
export { explainError, type RunOutputs, run } from './run.ts';
export type { TextOutput } from './screen.ts';
export type { Summary } from './summary.ts';
