/**
 * Maps and programs: what user space creates and a CPU runs, without knowing what cpumap or XDP mean.
 *
 * @packageDocumentation
 */
export * from './array-map.ts';
export * from './bpf-map.ts';
export * from './map-access.ts';
export * from './program.ts';
