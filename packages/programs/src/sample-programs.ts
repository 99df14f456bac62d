/**
 * The six XDP programs of the cpumap sample, prognum 0 to 5; xdp-bench's modes no-touch to l4-hash are the same six.
 *
 * A factory resolves maps and constants; the instance runs once per packet and allocates nothing. What looks odd is the
 * original's, and visible: the order of counting, which frames pass, where unknown protocols go (see README.md).
 */

import type { ProgramFactory } from '@cpumap/bpf';
import { ETH_HLEN, ETH_P, ETH_P_802_3_MIN, IPPROTO, XDP_ABORTED, XDP_DROP, XDP_MD, XDP_PASS } from '@cpumap/uapi';
import { DROPPED, increment, PROCESSED } from './counters.ts';
import { INITVAL, superFastHash } from './hash.ts';
import { attachAvailableCpus, elementOf } from './maps.ts';
import { bpfModulo } from './modulo.ts';
import {
  DEST_PORT,
  etherType,
  ipv4AddressSum,
  ipv4Fits,
  ipv4Protocol,
  ipv4UdpPort,
  ipv6AddressSum,
  ipv6Fits,
  ipv6Protocol,
  l3Offset,
  outerEtherType,
  parseEth,
} from './parse.ts';

const DATA = XDP_MD.data >> 2;
const DATA_END = XDP_MD.data_end >> 2;

/** The discard port: where pktgen sends. */
const PKTGEN_PORT = 9;

/** prognum 0: counts and redirects to the first CPU, without a look at the packet. */
export const noTouch: ProgramFactory = (env) => {
  const { u32 } = env.memory;
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const cpus = attachAvailableCpus(env, record);

  return () => {
    increment(u32, processed);
    return cpus.redirectTo(0);
  };
};

/** prognum 1: as 0, but reads the EtherType: IEEE 802.3 frames are dropped. Too short a frame is not counted. */
export const touchData: ProgramFactory = (env) => {
  const { u32 } = env.memory;
  const view = new DataView(u32.buffer);
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const dropped = record + DROPPED;
  const cpus = attachAvailableCpus(env, record);

  return (ctx) => {
    const data = u32[(ctx >>> 2) + DATA]!;
    if (data + ETH_HLEN > u32[(ctx >>> 2) + DATA_END]!) return XDP_ABORTED;
    increment(u32, processed);
    if (outerEtherType(view, data) < ETH_P_802_3_MIN) {
      increment(u32, dropped);
      return XDP_DROP;
    }
    return cpus.redirectTo(0);
  };
};

/**
 * prognum 2: the next CPU for each packet, by an iterator of this CPU's own.
 *
 * The iterator returns to 0 only when it *equals* cpus_count after the step. One that is beyond (packets came before
 * CPUs were added, or CPUs were taken away) runs on: first through entries that are no CPU, which count an issue, then
 * beyond the array, which counts nothing at all; XDP_ABORTED both.
 */
export const roundRobin: ProgramFactory = (env) => {
  const { u32 } = env.memory;
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const cpus = attachAvailableCpus(env, record);
  const count = elementOf(env, 'cpus_count');
  const iterator = elementOf(env, 'cpus_iterator');

  return () => {
    const index = u32[iterator]!;
    const next = (index + 1) >>> 0;
    u32[iterator] = next === u32[count]! ? 0 : next;
    if (index >= cpus.length) return XDP_ABORTED;
    increment(u32, processed);
    return cpus.redirectTo(index);
  };
};

/**
 * The protocol by which prognum 3 and 4 choose. A truncated IP header is protocol 0. Everything that is not IP is UDP:
 * the variable starts as that, and the index that the original sets for ARP is overwritten afterwards.
 */
function protocolOf(view: DataView, type: number, l3: number, end: number): number {
  if (type === ETH_P.IP) return ipv4Protocol(view, l3, end);
  if (type === ETH_P.IPV6) return ipv6Protocol(view, l3, end);
  return IPPROTO.UDP;
}

function indexOf(protocol: number): number {
  if (protocol === IPPROTO.UDP) return 1;
  return protocol === IPPROTO.ICMP || protocol === IPPROTO.ICMPV6 ? 2 : 0;
}

/** prognum 3: TCP to the first CPU, UDP to the second, ICMP to the third, other IP protocols to the first. */
export const protoSeparate: ProgramFactory = (env) => {
  const { u32 } = env.memory;
  const view = new DataView(u32.buffer);
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const cpus = attachAvailableCpus(env, record);

  return (ctx) => {
    const data = u32[(ctx >>> 2) + DATA]!;
    const end = u32[(ctx >>> 2) + DATA_END]!;
    increment(u32, processed);
    const parsed = parseEth(view, data, end);
    if (parsed === 0) return XDP_PASS;
    return cpus.redirectTo(indexOf(protocolOf(view, etherType(parsed), data + l3Offset(parsed), end)));
  };
};

/**
 * prognum 4: as 3, but drops UDP to port 9.
 *
 * The port is always read as if an IPv4 header without options were there, for whatever prognum 3 takes for UDP. So a
 * packet with IP options escapes, while an IPv6 or ARP packet can look like one to port 9 and is dropped.
 */
export const ddosFilterPktgen: ProgramFactory = (env) => {
  const { u32 } = env.memory;
  const view = new DataView(u32.buffer);
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const dropped = record + DROPPED;
  const cpus = attachAvailableCpus(env, record);

  return (ctx) => {
    const data = u32[(ctx >>> 2) + DATA]!;
    const end = u32[(ctx >>> 2) + DATA_END]!;
    increment(u32, processed);
    const parsed = parseEth(view, data, end);
    if (parsed === 0) return XDP_PASS;
    const l3 = data + l3Offset(parsed);
    const protocol = protocolOf(view, etherType(parsed), l3, end);
    if (protocol === IPPROTO.UDP && ipv4UdpPort(view, l3, end, DEST_PORT) === PKTGEN_PORT) {
      increment(u32, dropped);
      return XDP_DROP;
    }
    return cpus.redirectTo(indexOf(protocol));
  };
};

/** What prognum 5 divides by the number of CPUs; 0 for what is not IP and for truncated headers. */
function hashOfIpPair(view: DataView, type: number, l3: number, end: number): number {
  if (type === ETH_P.IP && ipv4Fits(l3, end)) {
    return superFastHash(ipv4AddressSum(view, l3), INITVAL + ipv4Protocol(view, l3, end));
  }
  if (type === ETH_P.IPV6 && ipv6Fits(l3, end)) {
    return superFastHash(ipv6AddressSum(view, l3), INITVAL + ipv6Protocol(view, l3, end));
  }
  return 0;
}

/** prognum 5 (2018): spreads IP pairs over the CPUs, both directions of a pair to the same one. */
export const lbHashIpPairs: ProgramFactory = (env) => {
  const { u32 } = env.memory;
  const view = new DataView(u32.buffer);
  const record = elementOf(env, 'rx_cnt');
  const processed = record + PROCESSED;
  const cpus = attachAvailableCpus(env, record);
  const count = elementOf(env, 'cpus_count');

  return (ctx) => {
    const data = u32[(ctx >>> 2) + DATA]!;
    const end = u32[(ctx >>> 2) + DATA_END]!;
    increment(u32, processed);
    const parsed = parseEth(view, data, end);
    if (parsed === 0) return XDP_PASS;
    const hash = hashOfIpPair(view, etherType(parsed), data + l3Offset(parsed), end);
    return cpus.redirectTo(bpfModulo(hash, u32[count]!));
  };
};
