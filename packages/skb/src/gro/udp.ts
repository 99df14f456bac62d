/**
 * GRO of UDP for a device with rx-udp-gro-forwarding: datagrams of one length per flow, the last may be shorter.
 *
 * mirrors udp_gro_receive_segment and udp_gro_complete_segment of 6.18. Without the feature no datagram is merged: there
 * is no socket here that could ask for it.
 */
import { SKB_GSO } from '@cpumap/uapi';
import { DEVICE_FEATURES, NET_DEVICE } from '../net-device.ts';
import { SK_BUFF } from '../sk-buff.ts';
import { GRO_CB } from './gro-cb.ts';
import type { GroTcp, GroTcpParts } from './tcp.ts';

const UDP_HLEN = 8;
const CHECK = 6;
/** UDP_GRO_CNT_MAX: datagrams in one packet. */
const MOST = 64;

export function attachGroUdp({ memory, nodes, network, transport, merging }: GroTcpParts): GroTcp {
  const { u8, u32 } = memory;
  const LEN = SK_BUFF.len >> 2;
  const HEAD = SK_BUFF.head >> 2;
  const DATA = SK_BUFF.data >> 2;
  const TAIL = SK_BUFF.tail >> 2;
  const DEV = SK_BUFF.dev >> 2;
  const TRANSPORT = SK_BUFF.transport_header >> 2;
  const FEATURES = NET_DEVICE.features >> 2;
  const FORWARDING = DEVICE_FEATURES.rxUdpGroForwarding;
  const { data_offset: OFFSET, flush: FLUSH, same_flow: SAME_FLOW, count: COUNT } = GRO_CB;
  const be16 = (at: number): number => (u8[at]! << 8) | u8[at + 1]!;
  const ports = (uh: number): number => (be16(uh) << 16) | be16(uh + 2);
  const header = (skb: number): number => u32[(skb >> 2) + HEAD]! + u32[(skb >> 2) + TRANSPORT]!;

  /** True for a datagram that can be one of several. */
  function isWhole(skb: number, uh: number, length: number): boolean {
    const s = skb >> 2;
    if (u32[s + TAIL]! - uh < UDP_HLEN) return false;
    if ((u32[(u32[s + DEV]! >> 2) + FEATURES]! & FORWARDING) === 0) return false;
    // without a checksum it could not be taken apart again
    if (be16(uh + CHECK) === 0 || be16(uh + 4) <= UDP_HLEN || be16(uh + 4) !== length) return false;
    return u32[s + FLUSH] !== 0 || transport.checksumHolds(skb);
  }

  /** Whether the held packet of the same flow is complete after `skb`. */
  function join(held: number, skb: number, length: number): boolean {
    const first = be16(header(held) + 4);
    if (length > first || network.mustFlush(held, skb) || !merging.merge(held, skb)) return true;
    return length !== first || u32[(held >> 2) + COUNT]! >= MOST;
  }

  return {
    receive(node, skb) {
      const s = skb >> 2;
      const offset = u32[s + OFFSET]!;
      const uh = u32[s + DATA]! + offset;
      const length = u32[s + LEN]! - offset;
      if (!isWhole(skb, uh, length)) {
        u32[s + FLUSH] = 1;
        return 0;
      }
      u32[s + TRANSPORT] = uh - u32[s + HEAD]!;
      u32[s + OFFSET] = offset + UDP_HLEN;
      for (let i = nodes.count(node) - 1; i >= 0; i--) {
        const held = nodes.held(node, i);
        if (u32[(held >> 2) + SAME_FLOW] === 0) continue;
        if (ports(uh) === ports(header(held))) return join(held, skb, length) ? held : 0;
        u32[(held >> 2) + SAME_FLOW] = 0;
      }
      return 0;
    },
    complete(skb) {
      const uh = header(skb);
      const length = u32[(skb >> 2) + LEN]! - (uh - u32[(skb >> 2) + DATA]!);
      u8[uh + 4] = length >> 8;
      u8[uh + 5] = length & 0xff;
      transport.complete(skb, CHECK, SKB_GSO.UDP_L4);
    },
  };
}
