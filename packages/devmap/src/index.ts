/**
 * Redirects of XDP frames to devices: devmap, devmap_hash, bpf_redirect by ifindex, and xskmap without sockets.
 *
 * @packageDocumentation
 */
export type { XdpXmit } from './bulk-queue.ts';
export * from './counters.ts';
export * from './devmap-cpu.ts';
export { BPF_DEVMAP_VAL, DEV_MAP_BULK_SIZE } from './entry.ts';
export * from './map-ops.ts';
export type { GenericXmit } from './target.ts';
export * from './xskmap.ts';
