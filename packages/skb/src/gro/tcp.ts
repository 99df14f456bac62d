/**
 * GRO of TCP: segments that follow each other without a gap, equal in all but the sequence number, FIN and PSH.
 *
 * mirrors tcp_gro_receive and tcp_gro_complete of 6.18.
 */
import type { Memory } from '@cpumap/smp';
import { SKB_GSO } from '@cpumap/uapi';
import { SK_BUFF } from '../sk-buff.ts';
import { GRO_CB } from './gro-cb.ts';
import type { GroNodes } from './gro-node.ts';
import type { GroMerge } from './merge.ts';
import type { GroNetwork } from './network.ts';
import type { GroTransport } from './transport.ts';

const TCP_HLEN = 20;
const CHECK = 16;
const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const PSH = 0x08;
const URG = 0x20;
const CWR = 0x80;

export interface GroTcp {
  /** The held packet that is now complete, or 0; the control block says what became of `skb`. */
  receive(node: number, skb: number): number;
  complete(skb: number): void;
}

export interface GroTcpParts {
  readonly memory: Memory;
  readonly nodes: GroNodes;
  readonly network: GroNetwork;
  readonly transport: GroTransport;
  readonly merging: GroMerge;
}

export function attachGroTcp({ memory, nodes, network, transport, merging }: GroTcpParts): GroTcp {
  const { u8, u16, u32 } = memory;
  const LEN = SK_BUFF.len >> 2;
  const HEAD = SK_BUFF.head >> 2;
  const DATA = SK_BUFF.data >> 2;
  const TAIL = SK_BUFF.tail >> 2;
  const TRANSPORT = SK_BUFF.transport_header >> 2;
  const NETWORK = GRO_CB.network_offset;
  const { data_offset: OFFSET, flush: FLUSH, same_flow: SAME_FLOW, gso_size: GSO_SIZE } = GRO_CB;
  const { ip_fixedid: FIXEDID } = GRO_CB;
  const ENDS_FLOW = URG | PSH | RST | SYN | FIN;
  const MAY_DIFFER = FIN | PSH;
  const seq = (th: number): number => (u8[th + 4]! << 24) | (u8[th + 5]! << 16) | (u8[th + 6]! << 8) | u8[th + 7]!;

  /** Bytes from `from` on in two headers; these begin at an even address, or both did not. */
  function differ(a: number, b: number, from: number, to: number): boolean {
    if (((a | b) & 1) === 0) {
      for (let i = from; i < to; i += 2) if (u16[(a + i) >> 1] !== u16[(b + i) >> 1]) return true;
      return false;
    }
    for (let i = from; i < to; i++) if (u8[a + i] !== u8[b + i]) return true;
    return false;
  }

  function header(skb: number): number {
    return u32[(skb >> 2) + HEAD]! + u32[(skb >> 2) + TRANSPORT]!;
  }

  /** mirrors tcp_gro_lookup: the held packet of this connection; those of others are no longer of the flow. */
  function lookup(node: number, th: number): number {
    for (let i = nodes.count(node) - 1; i >= 0; i--) {
      const held = nodes.held(node, i);
      const h = held >> 2;
      if (u32[h + SAME_FLOW] === 0) continue;
      if (!differ(th, header(held), 0, 4)) return held;
      u32[h + SAME_FLOW] = 0;
    }
    return 0;
  }

  function continues(held: number, skb: number, th: number, thlen: number, length: number): boolean {
    const h = held >> 2;
    const th2 = header(held);
    // acknowledgement, header length and reserved bits, window and options must be the same
    if (differ(th, th2, 8, 12) || u8[th + 12] !== u8[th2 + 12] || differ(th, th2, 14, 16)) return false;
    const flags = u8[th + 13]!;
    if (((flags ^ u8[th2 + 13]!) & ~MAY_DIFFER) !== 0 || (flags & CWR) !== 0) return false;
    if (differ(th, th2, TCP_HLEN, thlen)) return false;
    if (network.mustFlush(held, skb)) return false;
    if (length === 0 || length > u32[h + GSO_SIZE]!) return false;
    return ((seq(th2) + u32[h + LEN]! - u32[h + OFFSET]! - seq(th)) | 0) === 0;
  }

  return {
    receive(node, skb) {
      const s = skb >> 2;
      const offset = u32[s + OFFSET]!;
      const th = u32[s + DATA]! + offset;
      const linear = u32[s + TAIL]! - th;
      const thlen = linear < TCP_HLEN ? 0 : (u8[th + 12]! >> 4) << 2;
      // a packet that is not held anyway is not summed
      if ((u32[s + FLUSH] === 0 && !transport.checksumHolds(skb)) || thlen < TCP_HLEN || thlen > linear) {
        u32[s + FLUSH] = 1;
        return 0;
      }
      u32[s + TRANSPORT] = th - u32[s + HEAD]!;
      u32[s + OFFSET] = offset + thlen;
      const length = u32[s + LEN]! - offset - thlen;
      const held = lookup(node, th);
      let mss = 1;
      if (held !== 0 && continues(held, skb, th, thlen, length) && merging.merge(held, skb)) {
        mss = u32[(held >> 2) + GSO_SIZE]!;
        u8[header(held) + 13] = u8[header(held) + 13]! | (u8[th + 13]! & MAY_DIFFER);
      }
      const ends = length < mss || (u8[th + 13]! & ENDS_FLOW) !== 0;
      if (ends) u32[s + FLUSH] = 1;
      return held !== 0 && (ends || u32[s + SAME_FLOW] === 0) ? held : 0;
    },
    complete(skb) {
      const s = skb >> 2;
      const isV6 = u8[u32[s + DATA]! + u32[s + NETWORK]!]! >> 4 === 6;
      let type = isV6 ? SKB_GSO.TCPV6 : SKB_GSO.TCPV4;
      if (u32[s + FIXEDID] !== 0) type |= SKB_GSO.TCP_FIXEDID;
      transport.complete(skb, CHECK, type);
    },
  };
}
