/**
 * GRO of the network headers: VLAN tags, IPv4, IPv6. Each says of the held packets which ones are not of the same flow,
 * says of its packet whether it may be merged at all, and finds the transport header.
 *
 * mirrors vlan_gro_receive, inet_gro_receive and ipv6_gro_receive of 6.18; headers must lie in the packet's first buffer.
 */
import type { Memory } from '@cpumap/smp';
import { ETH_P, IPPROTO } from '@cpumap/uapi';
import { SK_BUFF } from '../sk-buff.ts';
import { attachChecksums, foldSum } from './checksum.ts';
import { GRO_CB } from './gro-cb.ts';
import type { GroNodes } from './gro-node.ts';

const VLAN_HLEN = 4;
const IPV4_HLEN = 20;
export const IPV6_HLEN = 40;
const IP_DF = 0x4000;
const IP_FRAGMENT = 0x3fff; // MF and the offset
/** GRO_RECURSION_LIMIT: headers within headers. */
const RECURSION_LIMIT = 15;

export interface GroNetwork {
  /** Reads up to the transport header, of which `proto` in the control block tells; false: not for GRO. */
  receive(node: number, skb: number): boolean;
  /** What of the network header forbids that two packets of a flow are merged (mirrors gro_receive_network_flush). */
  mustFlush(held: number, skb: number): boolean;
}

export function attachGroNetwork(memory: Memory, nodes: GroNodes): GroNetwork {
  const { u8, u32 } = memory;
  const LEN = SK_BUFF.len >> 2;
  const DATA = SK_BUFF.data >> 2;
  const TAIL = SK_BUFF.tail >> 2;
  const PROTOCOL = SK_BUFF.protocol >> 2;
  const { data_offset: OFFSET, network_offset: NETWORK, proto: PROTO, flush: FLUSH } = GRO_CB;
  const { same_flow: SAME_FLOW, count: COUNT, ip_fixedid: FIXEDID } = GRO_CB;
  const sums = attachChecksums(memory);
  const be16 = (at: number): number => (u8[at]! << 8) | u8[at + 1]!;
  /** Bytes may lie anywhere: a program can have moved the packet's start. */
  function differ(a: number, b: number, len: number): boolean {
    for (let i = 0; i < len; i++) if (u8[a + i] !== u8[b + i]) return true;
    return false;
  }
  const linear = (s: number): number => u32[s + TAIL]! - u32[s + DATA]!;

  /** Of the held packets that are still of the flow, those whose bytes at `offset` are others are not. */
  function compare(node: number, at: number, offset: number, len: number): void {
    for (let i = nodes.count(node) - 1; i >= 0; i--) {
      const h = nodes.held(node, i) >> 2;
      if (u32[h + SAME_FLOW] !== 0 && differ(at, u32[h + DATA]! + offset, len)) u32[h + SAME_FLOW] = 0;
    }
  }

  function ipv4(node: number, s: number): boolean {
    const offset = u32[s + OFFSET]!;
    const iph = u32[s + DATA]! + offset;
    if (linear(s) < offset + IPV4_HLEN || u8[iph] !== 0x45) return false;
    const frag = be16(iph + 6);
    if ((frag & IP_FRAGMENT) !== 0 || foldSum(sums.add(0, iph, IPV4_HLEN)) !== 0xffff) return false;
    if (u8[iph + 9] !== IPPROTO.TCP && u8[iph + 9] !== IPPROTO.UDP) return false;
    // a padded packet, or one with a reserved bit
    if (be16(iph + 2) !== u32[s + LEN]! - offset || (frag & ~IP_DF) !== 0) u32[s + FLUSH] = 1;
    for (let i = nodes.count(node) - 1; i >= 0; i--) {
      const h = nodes.held(node, i) >> 2;
      if (u32[h + SAME_FLOW] === 0) continue;
      const iph2 = u32[h + DATA]! + offset;
      if (u8[iph + 9] !== u8[iph2 + 9] || differ(iph + 12, iph2 + 12, 8)) u32[h + SAME_FLOW] = 0;
    }
    u32[s + PROTO] = u8[iph + 9]!;
    u32[s + NETWORK] = offset;
    u32[s + OFFSET] = offset + IPV4_HLEN;
    return true;
  }

  const isExtension = (proto: number): boolean =>
    proto === IPPROTO.HOPOPTS || proto === IPPROTO.ROUTING || proto === IPPROTO.DSTOPTS;

  function ipv6(node: number, s: number): boolean {
    const offset = u32[s + OFFSET]!;
    const data = u32[s + DATA]!;
    const end = linear(s);
    const iph = data + offset;
    if (end < offset + IPV6_HLEN) return false;
    if (be16(iph + 4) !== u32[s + LEN]! - offset - IPV6_HLEN) u32[s + FLUSH] = 1;
    let proto = u8[iph + 6]!;
    let at = offset + IPV6_HLEN;
    while (isExtension(proto)) {
      if (at + 8 > end) return false;
      const length = (u8[data + at + 1]! + 1) << 3;
      if (at + length > end) return false;
      proto = u8[data + at]!;
      at += length;
    }
    if (proto !== IPPROTO.TCP && proto !== IPPROTO.UDP) return false;
    for (let i = nodes.count(node) - 1; i >= 0; i--) {
      const h = nodes.held(node, i) >> 2;
      if (u32[h + SAME_FLOW] === 0) continue;
      const iph2 = u32[h + DATA]! + offset;
      const label = ((u8[iph]! ^ u8[iph2]!) & 0xf0) | ((u8[iph + 1]! ^ u8[iph2 + 1]!) & 0x0f);
      if (
        label !== 0 ||
        differ(iph + 2, iph2 + 2, 2) ||
        u8[iph + 6] !== u8[iph2 + 6] ||
        differ(iph + 8, iph2 + 8, at - offset - 8)
      ) {
        u32[h + SAME_FLOW] = 0;
      }
    }
    u32[s + PROTO] = proto;
    u32[s + NETWORK] = offset;
    u32[s + OFFSET] = at;
    return true;
  }

  function inetFlush(held: number, iph: number, iph2: number): boolean {
    const id = (be16(iph + 4) - be16(iph2 + 4)) & 0xffff;
    const h = held >> 2;
    // TTL, TOS and DF must be the same
    if (u8[iph + 8] !== u8[iph2 + 8] || u8[iph + 1] !== u8[iph2 + 1]) return true;
    if (((u8[iph + 6]! ^ u8[iph2 + 6]!) & (IP_DF >> 8)) !== 0) return true;
    // the second packet decides: one id for all, or ids that count up
    if (u32[h + COUNT] === 1 && id === 0) u32[h + FIXEDID] = 1;
    return id !== (u32[h + FIXEDID] !== 0 ? 0 : u32[h + COUNT]!);
  }

  return {
    receive(node, skb) {
      const s = skb >> 2;
      let type = u32[s + PROTOCOL]!;
      for (let depth = 1; type === ETH_P['8021Q'] || type === ETH_P['8021AD']; depth++) {
        const offset = u32[s + OFFSET]!;
        const vhdr = u32[s + DATA]! + offset;
        if (linear(s) < offset + VLAN_HLEN || depth === RECURSION_LIMIT) return false;
        type = be16(vhdr + 2);
        compare(node, vhdr, offset, VLAN_HLEN);
        u32[s + OFFSET] = offset + VLAN_HLEN;
      }
      if (type === ETH_P.IP) return ipv4(node, s);
      return type === ETH_P.IPV6 && ipv6(node, s);
    },
    mustFlush(held, skb) {
      const iph = u32[(skb >> 2) + DATA]! + u32[(skb >> 2) + NETWORK]!;
      const iph2 = u32[(held >> 2) + DATA]! + u32[(held >> 2) + NETWORK]!;
      if (u8[iph]! >> 4 !== 6) return inetFlush(held, iph, iph2);
      const trafficClass = ((u8[iph]! ^ u8[iph2]!) & 0x0f) | ((u8[iph + 1]! ^ u8[iph2 + 1]!) & 0xf0);
      return trafficClass !== 0 || u8[iph + 7] !== u8[iph2 + 7];
    },
  };
}
