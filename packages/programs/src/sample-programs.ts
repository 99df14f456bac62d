/**
 * The six XDP programs of the cpumap sample, prognum 0 to 5, as assembly text; xdp-bench's modes no-touch to l4-hash are
 * the same six. `nrCpus` is a constant of the code: an entry of cpus_available that is not below it is no CPU.
 *
 * What looks odd is the original's, and visible: the order of counting, which frames pass, where unknown protocols go
 * (see README.md).
 */
import { ETH_P_802_3_MIN, IPPROTO } from '@cpumap/uapi';
import {
  availableCpu,
  countPacket,
  drop,
  IPV4,
  IPV6,
  indexByCount,
  ipHeader,
  loadPacket,
  lookup,
  outerHeader,
  parseEthernet,
  pass,
  redirect,
  switchIp,
} from './fragments.ts';
import { superFastHash } from './hash.ts';

/** prognum 0: counts and redirects to the first CPU, without a look at the packet. */
export const noTouch = (nrCpus: number): string => `
    ${countPacket}
    ${availableCpu}
    ${redirect(nrCpus)}`;

/** prognum 1: as 0, but reads the EtherType and drops IEEE 802.3 frames. A frame without one is not even counted. */
export const touchData = (nrCpus: number): string => `
    ${loadPacket}
    ${outerHeader('aborted')}
    r9 = r4
    ${countPacket}
    if r9 < ${ETH_P_802_3_MIN} goto drop
    ${availableCpu}
    ${redirect(nrCpus)}
    ${drop}`;

/**
 * prognum 2: the next CPU for each packet, by an iterator of this CPU's own.
 *
 * It returns to 0 only when it *equals* cpus_count. An iterator beyond (packets came before CPUs were added, or CPUs were
 * taken away) runs on: first through entries that are no CPU, which count an issue, then beyond the array, where nothing
 * at all is counted. The verdict is XDP_ABORTED for both.
 */
export const roundRobin = (nrCpus: number): string => `
    *(u32 *)(r10 - 4) = 0
    ${lookup('cpus_iterator', 'aborted')}
    r1 = map_value(cpus_count) ll
    r1 = *(u32 *)(r1 + 0)
    r2 = *(u32 *)(r0 + 0)
    *(u32 *)(r10 - 8) = r2
    w2 += 1
    if r2 != r1 goto step
    r2 = 0
  step:
    *(u32 *)(r0 + 0) = r2
    ${lookup('cpus_available', 'aborted', -8)}
    r9 = *(u32 *)(r0 + 0)
    ${countPacket}
    r2 = r9
    ${redirect(nrCpus)}`;

/**
 * r10 - 4 = the index of a protocol, then to `redirect`: TCP and what is not known 0, UDP 1, ICMP 2. What is not IP goes
 * with UDP: the original's variable starts as UDP, and the index that it sets for ARP is overwritten afterwards.
 */
const indexByProtocol = `
    ${switchIp}
    goto udp
  ipv4:
    ${ipHeader(IPV4, 'redirect')}
    r5 = *(u8 *)(r3 + ${IPV4.protocol})
    goto protocol
  ipv6:
    ${ipHeader(IPV6, 'redirect')}
    r5 = *(u8 *)(r3 + ${IPV6.protocol})
  protocol:
    if r5 == ${IPPROTO.UDP} goto udp
    if r5 == ${IPPROTO.ICMP} goto icmp
    if r5 != ${IPPROTO.ICMPV6} goto redirect
  icmp:
    *(u32 *)(r10 - 4) = 2
    goto redirect
  udp:
    *(u32 *)(r10 - 4) = 1`;

/** prognum 3: TCP to the first CPU, UDP to the second, ICMP to the third, other IP protocols to the first. */
export const protoSeparate = (nrCpus: number): string => `
    ${loadPacket}
    ${countPacket}
    ${parseEthernet}
    ${indexByProtocol}
  redirect:
    ${availableCpu}
    ${redirect(nrCpus)}
    ${pass}`;

/**
 * prognum 4: as 3, but drops UDP to port 9, where pktgen sends.
 *
 * For whatever prognum 3 takes for UDP, the port is read as if an IPv4 header without options were there. So a packet
 * with IP options escapes, while an IPv6 or ARP packet can happen to look like one to port 9, and is dropped.
 */
export const ddosFilterPktgen = (nrCpus: number): string => {
  const UDP_HEADER = 8;
  const DEST_PORT = 2;
  const PKTGEN_PORT = 9;
  return `
    ${loadPacket}
    ${countPacket}
    ${parseEthernet}
    ${indexByProtocol}
    ${ipHeader({ ...IPV4, length: IPV4.length + UDP_HEADER }, 'redirect')}
    r5 = *(u8 *)(r3 + ${IPV4.protocol})
    if r5 != ${IPPROTO.UDP} goto redirect
    r5 = *(u16 *)(r3 + ${IPV4.length + DEST_PORT})
    r5 = be16 r5
    if r5 == ${PKTGEN_PORT} goto drop
  redirect:
    ${availableCpu}
    ${redirect(nrCpus)}
    ${drop}
    ${pass}`;
};

/** w9 = the sum of the 32-bit words of the header at r3 from `from` to `to`, wrapped: as little-endian CPUs add them. */
function sumWords(from: number, to: number): string {
  const words = Array.from({ length: (to - from) / 4 - 1 }, (_, i) => from + 4 * (i + 1));
  return `
    r9 = *(u32 *)(r3 + ${from})
    ${words.map((at) => `r2 = *(u32 *)(r3 + ${at})\n    w9 += w2`).join('\n    ')}`;
}

/** prognum 5 (2018): spreads pairs of IP addresses over the CPUs, both directions of a pair to the same one. */
export const lbHashIpPairs = (nrCpus: number): string => {
  const IPV4_SADDR = 12;
  const IPV6_SADDR = 8;
  return `
    ${loadPacket}
    ${countPacket}
    ${parseEthernet}
    r9 = 0
    ${switchIp}
    goto modulo
  ipv4:
    ${ipHeader(IPV4, 'modulo')}
    r5 = *(u8 *)(r3 + ${IPV4.protocol})
    ${sumWords(IPV4_SADDR, IPV4.length)}
    goto hash
  ipv6:
    ${ipHeader(IPV6, 'modulo')}
    r5 = *(u8 *)(r3 + ${IPV6.protocol})
    ${sumWords(IPV6_SADDR, IPV6.length)}
  hash:
    ${superFastHash}
  modulo:
    ${indexByCount}
    ${availableCpu}
    ${redirect(nrCpus)}
    ${pass}`;
};
