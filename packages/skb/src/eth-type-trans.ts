/**
 * eth_type_trans: what the stack learns from the Ethernet header. Sets dev, protocol and pkt_type, notes where the MAC
 * header is and moves data behind it.
 */
import {
  ETH_HLEN,
  ETH_P,
  ETH_P_802_3_MIN,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
} from '@cpumap/uapi';
import type { Memory } from '@cpumap/smp';
import { NET_DEVICE } from './net-device.ts';
import { SK_BUFF } from './sk-buff.ts';

const RAW_IPX = 0xffff;

export function attachEthTypeTrans({ u8, u16, u32 }: Memory): (skb: number, dev: number) => void {
  return (skb, dev) => {
    const s = skb >> 2;
    const data = u32[s + (SK_BUFF.data >> 2)]!;
    const len = u32[s + (SK_BUFF.len >> 2)]!;
    const head = u32[s + (SK_BUFF.head >> 2)]!;

    // a program may have moved the data to any byte; whole words are read where it did not
    let low: number;
    let high: number;
    if ((data & 3) === 0) {
      low = u32[data >> 2]!;
      high = u16[(data + 4) >> 1]!;
    } else {
      low = (u8[data]! | (u8[data + 1]! << 8) | (u8[data + 2]! << 16) | (u8[data + 3]! << 24)) >>> 0;
      high = u8[data + 4]! | (u8[data + 5]! << 8);
    }
    let pktType = PACKET_HOST;
    if (low !== u32[(dev + NET_DEVICE.addr_low) >> 2] || high !== u32[(dev + NET_DEVICE.addr_high) >> 2]) {
      if ((low & 1) === 0) pktType = PACKET_OTHERHOST;
      else pktType = low === 0xffffffff && high === 0xffff ? PACKET_BROADCAST : PACKET_MULTICAST;
    }

    let protocol = (u8[data + 12]! << 8) | u8[data + 13]!;
    if (protocol < ETH_P_802_3_MIN) {
      // mirrors eth_type_trans: a length; Novell's raw 802.3 shows by two bytes of ones, all else has an LLC header
      const rawIpx = len >= ETH_HLEN + 2 && ((u8[data + 14]! << 8) | u8[data + 15]!) === RAW_IPX;
      protocol = rawIpx ? ETH_P['802_3'] : ETH_P['802_2'];
    }

    u32[s + (SK_BUFF.dev >> 2)] = dev;
    u32[s + (SK_BUFF.skb_iif >> 2)] = u32[(dev + NET_DEVICE.ifindex) >> 2]!;
    u32[s + (SK_BUFF.protocol >> 2)] = protocol;
    u32[s + (SK_BUFF.pkt_type >> 2)] = pktType;
    u32[s + (SK_BUFF.mac_header >> 2)] = data - head;
    u32[s + (SK_BUFF.network_header >> 2)] = data + ETH_HLEN - head;
    u32[s + (SK_BUFF.data >> 2)] = data + ETH_HLEN;
    u32[s + (SK_BUFF.len >> 2)] = len - ETH_HLEN;
  };
}
