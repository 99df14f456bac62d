/**
 * The six XDP programs of the cpumap sample, prognum 0 to 5; xdp-bench's modes no-touch to l4-hash are the same six.
 *
 * A factory resolves maps and constants; the instance runs once per packet and allocates nothing. What looks odd is the
 * original's, and visible: the order of counting, which frames pass, where unknown protocols go (see README.md).
 */

import type { ProgramFactory } from '@cpumap/bpf';
import { ETH_P_802_3_MIN, IPPROTO, XDP_ABORTED, XDP_PASS } from '@cpumap/uapi';
import { attachAvailableCpus, attachCpusCount, attachCpusIterator, attachRxCount } from './maps.ts';
import { attachParser, DEST_PORT, etherType, l3Offset, NOT_IP, TOO_SHORT } from './parse.ts';

/** prognum 0: counts and redirects to the first CPU, without a look at the packet. */
export const noTouch: ProgramFactory = (env) => {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);

  return () => {
    rx.processed();
    return cpus.redirectTo(0);
  };
};

/** prognum 1: as 0, but reads the EtherType and drops IEEE 802.3 frames. A frame without one is not even counted. */
export const touchData: ProgramFactory = (env) => {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);
  const packet = attachParser(env);
  const TYPE_MIN = ETH_P_802_3_MIN;

  return (ctx) => {
    const type = packet.outerEtherType(packet.data(ctx), packet.dataEnd(ctx));
    if (type === TOO_SHORT) return XDP_ABORTED;
    rx.processed();
    return type < TYPE_MIN ? rx.dropped() : cpus.redirectTo(0);
  };
};

/**
 * prognum 2: the next CPU for each packet, by an iterator of this CPU's own.
 *
 * An iterator beyond cpus_count (packets came before CPUs were added, or CPUs were taken away) runs on for ever: first
 * through entries that are no CPU, which count an issue, then beyond the array, where nothing at all is counted. The
 * verdict is XDP_ABORTED for both.
 */
export const roundRobin: ProgramFactory = (env) => {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);
  const iterator = attachCpusIterator(env, attachCpusCount(env));

  return () => {
    const index = iterator.next();
    if (index >= cpus.length) return XDP_ABORTED;
    rx.processed();
    return cpus.redirectTo(index);
  };
};

/**
 * Where prognum 3 and 4 send a protocol. What is not IP goes with UDP: the original's variable starts as UDP, and the
 * index that it sets for ARP is overwritten afterwards.
 */
function attachProtocolIndex(): (protocol: number) => number {
  const { UDP, ICMP, ICMPV6 } = IPPROTO;

  return (protocol) => {
    if (protocol === UDP || protocol === NOT_IP) return 1;
    return protocol === ICMP || protocol === ICMPV6 ? 2 : 0;
  };
}

/** prognum 3: TCP to the first CPU, UDP to the second, ICMP to the third, other IP protocols to the first. */
export const protoSeparate: ProgramFactory = (env) => {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);
  const packet = attachParser(env);
  const indexOf = attachProtocolIndex();

  return (ctx) => {
    const data = packet.data(ctx);
    const end = packet.dataEnd(ctx);
    rx.processed();
    const parsed = packet.parseEth(data, end);
    if (parsed === 0) return XDP_PASS;
    return cpus.redirectTo(indexOf(packet.ipProtocol(etherType(parsed), data + l3Offset(parsed), end)));
  };
};

/**
 * prognum 4: as 3, but drops UDP to port 9, where pktgen sends.
 *
 * For whatever prognum 3 takes for UDP, the port is read as if an IPv4 header without options were there. So a packet
 * with IP options escapes, while an IPv6 or ARP packet can happen to look like one to port 9, and is dropped.
 */
export const ddosFilterPktgen: ProgramFactory = (env) => {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);
  const packet = attachParser(env);
  const indexOf = attachProtocolIndex();
  const UDP_INDEX = 1;
  const PKTGEN_PORT = 9;

  return (ctx) => {
    const data = packet.data(ctx);
    const end = packet.dataEnd(ctx);
    rx.processed();
    const parsed = packet.parseEth(data, end);
    if (parsed === 0) return XDP_PASS;
    const l3 = data + l3Offset(parsed);
    const index = indexOf(packet.ipProtocol(etherType(parsed), l3, end));
    if (index === UDP_INDEX && packet.ipv4UdpPort(l3, end, DEST_PORT) === PKTGEN_PORT) return rx.dropped();
    return cpus.redirectTo(index);
  };
};

/** prognum 5 (2018): spreads pairs of IP addresses over the CPUs, both directions of a pair to the same one. */
export const lbHashIpPairs: ProgramFactory = (env) => {
  const rx = attachRxCount(env);
  const cpus = attachAvailableCpus(env, rx);
  const count = attachCpusCount(env);
  const packet = attachParser(env);

  return (ctx) => {
    const data = packet.data(ctx);
    const end = packet.dataEnd(ctx);
    rx.processed();
    const parsed = packet.parseEth(data, end);
    if (parsed === 0) return XDP_PASS;
    const hash = packet.ipPairHash(etherType(parsed), data + l3Offset(parsed), end);
    return cpus.redirectTo(count.modulo(hash));
  };
};
