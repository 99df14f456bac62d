/**
 * GRO on one CPU: packets of one flow that follow each other become one, mirrors dev_gro_receive and gro_complete of 6.18.
 *
 * A packet is  received ──► held ──► complete ──► waiting ──► handed to the stack
 *                      ├──► merged into a held one (its buffer is a piece of that one now)
 *                      └──► waiting, when GRO has no use for it
 */
import type { Memory } from '@cpumap/smp';
import { ETH_HLEN, IPPROTO } from '@cpumap/uapi';
import type { SkBuffs } from '../build-skb.ts';
import { DEVICE_FEATURES, NET_DEVICE } from '../net-device.ts';
import { SK_BUFF } from '../sk-buff.ts';
import { attachChecksums, foldSum } from './checksum.ts';
import { GRO_CB, MAX_GRO_SKBS } from './gro-cb.ts';
import { attachGroNodes } from './gro-node.ts';
import { attachGroMerge } from './merge.ts';
import { attachGroNetwork, IPV6_HLEN } from './network.ts';
import { attachGroTcp } from './tcp.ts';
import { attachGroTransport } from './transport.ts';
import { attachGroUdp } from './udp.ts';

export interface Gro {
  /** Gives the sk_buffs at `list` to the node, in order; what is ready is handed over. */
  receiveList(node: number, list: number, n: number): void;
  /** Completes what is held, oldest first, and hands over all that waits. */
  flush(node: number): void;
  /** True when the node holds nothing and nothing waits. */
  isEmpty(node: number): boolean;
}

export interface GroParts {
  readonly memory: Memory;
  readonly skbs: SkBuffs;
  /** Takes `n` sk_buffs that stand for `frames` frames, the words at `list`. */
  readonly deliver: (list: number, n: number, frames: number) => void;
}

export function attachGro({ memory, skbs, deliver }: GroParts): Gro {
  const { u8, u32 } = memory;
  const nodes = attachGroNodes(memory);
  const network = attachGroNetwork(memory, nodes);
  const merging = attachGroMerge(memory, skbs);
  const parts = { memory, nodes, network, merging, transport: attachGroTransport(memory) };
  const tcp = attachGroTcp(parts);
  const udp = attachGroUdp(parts);
  const sums = attachChecksums(memory);
  const TCP = IPPROTO.TCP;
  const HLEN = ETH_HLEN;
  const MOST = MAX_GRO_SKBS;
  const LEN = SK_BUFF.len >> 2;
  const DATA = SK_BUFF.data >> 2;
  const DEV = SK_BUFF.dev >> 2;
  const META_LEN = SK_BUFF.meta_len >> 2;
  const FEATURES = NET_DEVICE.features >> 2;
  const XDP_GENERIC = NET_DEVICE.xdp_generic >> 2;
  const GRO = DEVICE_FEATURES.gro;
  const { data_offset: OFFSET, network_offset: NETWORK, proto: PROTO, flush: FLUSH, same_flow: SAME_FLOW } = GRO_CB;
  const { count: COUNT, ip_fixedid: FIXEDID, gso_size: GSO_SIZE, last: LAST } = GRO_CB;

  function differ(a: number, b: number, len: number): boolean {
    for (let i = 0; i < len; i++) if (u8[a + i] !== u8[b + i]) return true;
    return false;
  }

  /** mirrors gro_list_prepare: same device, same Ethernet header, same metadata. */
  function prepare(node: number, s: number): void {
    const dev = u32[s + DEV]!;
    const meta = u32[s + META_LEN]!;
    const mac = u32[s + DATA]! - HLEN;
    for (let i = nodes.count(node) - 1; i >= 0; i--) {
      const h = nodes.held(node, i) >> 2;
      const isSame =
        u32[h + DEV] === dev &&
        u32[h + META_LEN] === meta &&
        !differ(mac - meta, u32[h + DATA]! - HLEN - meta, HLEN + meta);
      u32[h + SAME_FLOW] = isSame ? 1 : 0;
    }
  }

  function handOver(node: number): void {
    const n = nodes.queued(node);
    if (n === 0) return;
    const segs = nodes.queuedSegs(node);
    nodes.clearQueued(node);
    deliver(nodes.rxList(node), n, segs);
  }

  function queue(node: number, skb: number): void {
    if (nodes.queue(node, skb, u32[(skb >> 2) + COUNT]!)) handOver(node);
  }

  /** The lengths in the network header, and IPv4's checksum. */
  function completeNetwork(s: number): void {
    const iph = u32[s + DATA]! + u32[s + NETWORK]!;
    const length = u32[s + LEN]! - u32[s + NETWORK]!;
    if (u8[iph]! >> 4 === 6) {
      u8[iph + 4] = (length - IPV6_HLEN) >> 8;
      u8[iph + 5] = (length - IPV6_HLEN) & 0xff;
      return;
    }
    u8[iph + 2] = length >> 8;
    u8[iph + 3] = length & 0xff;
    u8[iph + 10] = 0;
    u8[iph + 11] = 0;
    const check = ~foldSum(sums.add(0, iph, 20)) & 0xffff;
    u8[iph + 10] = check & 0xff;
    u8[iph + 11] = check >> 8;
  }

  function complete(node: number, skb: number): void {
    const s = skb >> 2;
    if (u32[s + COUNT]! > 1) {
      completeNetwork(s);
      (u32[s + PROTO] === TCP ? tcp : udp).complete(skb);
    }
    queue(node, skb);
  }

  function release(node: number, skb: number): void {
    nodes.unhold(node, skb);
    complete(node, skb);
  }

  function receive(node: number, skb: number): void {
    const s = skb >> 2;
    const dev = u32[s + DEV]! >> 2;
    u32[s + COUNT] = 1;
    // mirrors netif_elide_gro
    if ((u32[dev + FEATURES]! & GRO) === 0 || u32[dev + XDP_GENERIC] !== 0) {
      queue(node, skb);
      return;
    }
    u32[s + OFFSET] = 0;
    u32[s + FLUSH] = 0;
    u32[s + SAME_FLOW] = 0;
    u32[s + FIXEDID] = 0;
    u32[s + LAST] = skb;
    prepare(node, s);
    if (!network.receive(node, skb)) {
      queue(node, skb);
      return;
    }
    const ready = u32[s + PROTO] === TCP ? tcp.receive(node, skb) : udp.receive(node, skb);
    if (ready !== 0) release(node, ready);
    if (u32[s + SAME_FLOW] !== 0) return;
    if (u32[s + FLUSH] !== 0) {
      queue(node, skb);
      return;
    }
    if (nodes.count(node) === MOST) release(node, nodes.held(node, 0));
    u32[s + GSO_SIZE] = u32[s + LEN]! - u32[s + OFFSET]!;
    nodes.hold(node, skb);
  }

  return {
    receiveList(node, list, n) {
      for (let i = 0; i < n; i++) receive(node, u32[(list >> 2) + i]!);
    },
    flush(node) {
      while (nodes.count(node) > 0) release(node, nodes.held(node, 0));
      handOver(node);
    },
    isEmpty: nodes.isEmpty,
  };
}
