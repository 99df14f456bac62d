/**
 * What user space and the kernel agree on: constants, errno, struct layouts, and which release has which feature.
 *
 * @packageDocumentation
 */
export * from './bpf-func.ts';
export * from './errno.ts';
export * from './ethernet.ts';
export * from './kernel-error.ts';
export * from './layout.ts';
export * from './map-types.ts';
export * from './prog-types.ts';
export * from './releases.ts';
export * from './structs.ts';
export * from './xdp.ts';
