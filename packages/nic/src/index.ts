/**
 * The NIC: a model device with RX queues, RSS, NAPI and what ethtool sets, and the frames that come in on its wire, from
 * captures or from a packet generator.
 *
 * @packageDocumentation
 */
export { attachCopyFrame, type CopyFrame } from './copy.ts';
export * from './device.ts';
export * from './dma.ts';
export * from './frame-source.ts';
export * from './napi.ts';
export type { DeviceFeatures, ReceiveSettings } from './receive-settings.ts';
export { RX_COUNTERS, type RxQueueCounts } from './rx-queue.ts';
export * from './sources-index.ts';
export type { Wire, WireChange, WirePace } from './wire.ts';
export { attachXdpXmit, type XdpXmitParts } from './xdp-xmit.ts';
