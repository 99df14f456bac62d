/**
 * The XDP programs of the cpumap sample and of xdp-bench: what there is, and specs to load them with.
 *
 * @packageDocumentation
 */
export * from './catalogue.ts';
export { MAX_CPUS } from './limits.ts';
