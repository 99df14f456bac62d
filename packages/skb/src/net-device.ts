/**
 * struct net_device, as much of it as the data path reads. Written by the host when the device is made or reconfigured.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';

export const NET_DEVICE = layout({
  ifindex: 'u32',
  addr_low: 'u32', // the first four bytes of the hardware address, as one little-endian word
  addr_high: 'u32', // the last two
  max_frame: 'u32', // longest frame that it receives, without FCS
  xdp_prog: 'u32', // id of the program in native mode, 0 without
  xdp_generic: 'u32', // id of the program in generic mode, 0 without
  xdp_linearize: 'u32', // 1: the program in generic mode wants each frame in one buffer
  xdp_bulkq: 'u32', // the bulk queue of CPU 0 for frames that are redirected here; 0: it has no ndo_xdp_xmit
  tx_counters: 'u32', // what it sent, a cache line per CPU
  features: 'u32', // DEVICE_FEATURES that are on
  rps_map: 'u32', // queue 0's rps_cpus: how many, then the CPUs; 0 without
});

/** Bits of `features`, by ethtool's names; `rps` says that there is an rps_map. */
export const DEVICE_FEATURES = { gro: 1, rxUdpGroForwarding: 2, rps: 4 } as const;

export interface NetDeviceOptions {
  readonly ifindex: number;
  /** Six bytes. */
  readonly address: Uint8Array;
  readonly maxFrame: number;
}

export function createNetDevice(memory: Memory, allocator: Allocator, options: NetDeviceOptions): number {
  const dev = allocator.alloc(NET_DEVICE.sizeof);
  const { u32 } = memory;
  const a = options.address;
  u32[(dev + NET_DEVICE.ifindex) >> 2] = options.ifindex;
  u32[(dev + NET_DEVICE.addr_low) >> 2] = (a[0]! | (a[1]! << 8) | (a[2]! << 16) | (a[3]! << 24)) >>> 0;
  u32[(dev + NET_DEVICE.addr_high) >> 2] = a[4]! | (a[5]! << 8);
  u32[(dev + NET_DEVICE.max_frame) >> 2] = options.maxFrame;
  return dev;
}
