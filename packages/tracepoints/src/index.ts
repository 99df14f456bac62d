/**
 * The data path's tracepoints: the kernel's events, their records and counters per CPU, and how to listen.
 *
 * @packageDocumentation
 */
export * from './events.ts';
export * from './trace-area.ts';
export * from './trace-reader.ts';
export * from './tracepoints.ts';
