/**
 * eth_type_trans: what the stack learns from the Ethernet header, the packet's type and its protocol.
 */

import type { Memory } from '@cpumap/smp';
import {
  ETH_HLEN,
  ETH_P,
  ETH_P_802_3_MIN,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
} from '@cpumap/uapi';
import { NET_DEVICE } from './net-device.ts';

const RAW_IPX = 0xffff;

export interface EthTypeTrans {
  /** PACKET_HOST and so on, of the frame at `data` for the device `dev`. */
  pktType(data: number, dev: number): number;
  /** The EtherType in host order, or what stands for IEEE 802.3 frames. */
  protocol(data: number, len: number): number;
}

export function attachEthTypeTrans({ u8, u16, u32 }: Memory): EthTypeTrans {
  const ADDR_LOW = NET_DEVICE.addr_low >> 2;
  const ADDR_HIGH = NET_DEVICE.addr_high >> 2;
  const HOST = PACKET_HOST;
  const ETHERTYPES = ETH_P_802_3_MIN;
  return {
    pktType(data, dev) {
      // a program may have moved the data to any byte; whole words are read where it did not
      let low: number;
      let high: number;
      if ((data & 3) === 0) {
        low = u32[data >> 2]! | 0;
        high = u16[(data + 4) >> 1]!;
      } else {
        low = u8[data]! | (u8[data + 1]! << 8) | (u8[data + 2]! << 16) | (u8[data + 3]! << 24);
        high = u8[data + 4]! | (u8[data + 5]! << 8);
      }
      const d = dev >> 2;
      if (low === (u32[d + ADDR_LOW]! | 0) && high === u32[d + ADDR_HIGH]!) return HOST;
      if ((low & 1) === 0) return PACKET_OTHERHOST;
      return low === -1 && high === 0xffff ? PACKET_BROADCAST : PACKET_MULTICAST;
    },
    protocol(data, len) {
      const type = (u8[data + 12]! << 8) | u8[data + 13]!;
      if (type >= ETHERTYPES) return type;
      // mirrors eth_type_trans: a length; Novell's raw 802.3 shows by two bytes of ones, all else has an LLC header
      const rawIpx = len >= ETH_HLEN + 2 && ((u8[data + 14]! << 8) | u8[data + 15]!) === RAW_IPX;
      return rawIpx ? ETH_P['802_3'] : ETH_P['802_2'];
    },
  };
}
