/**
 * XDP on one CPU: helpers, redirect state, xdp_do_redirect and xdp_do_flush, and the registry of redirect targets.
 *
 * @packageDocumentation
 */
export * from './counters.ts';
export * from './do-redirect.ts';
export * from './helper-table.ts';
export * from './helpers.ts';
export * from './inline-helpers.ts';
export * from './redirect-info.ts';
export * from './redirect-target.ts';
export * from './xdp.ts';
