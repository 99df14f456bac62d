/**
 * BPF_MAP_TYPE_CPUMAP: the map's operations, its entries and their kthreads, bulk queues, enqueue and flush.
 *
 * @packageDocumentation
 */
export * from './counters.ts';
export * from './cpumap-cpu.ts';
export { SKB_TAG } from './enqueue.ts';
export * from './entry.ts';
export * from './kthread.ts';
export * from './map-ops.ts';
