/**
 * Reading packet headers in the shared memory: Ethernet with up to two VLAN tags, IPv4, IPv6, ports.
 *
 * All functions take addresses; `end` is the packet's data_end, and a header counts only if it ends there or before.
 * A header that does not fit reads as 0: protocol 0, port 0. That is how the sample's readers answer too, so a truncated
 * packet is not an error; it goes where protocol 0 goes. An IPv4 header is taken to have no options, whatever its length
 * field says, and IPv6 extension headers are not followed.
 *
 * Behind an Ethernet header of 14 bytes nothing is aligned: a DataView reads any width anywhere, and in network order
 * where that is wanted (measured: as fast as single bytes for a port, 20 ns against 28 for the addresses of IPv6).
 *
 * Constants are locals of the functions that make the per-packet ones, on purpose: V8 puts those into the code, while it
 * loads each time what a module imports (measured: 6.4 ns against 10 for a whole run of proto_separate).
 */

import type { ProgramEnv } from '@cpumap/bpf';
import { ETH_HLEN, ETH_P, ETH_P_802_3_MIN, IPPROTO, XDP_MD } from '@cpumap/uapi';
import { INITVAL, superFastHash } from './hash.ts';

/** Where a TCP or UDP header has its ports. */
export const SOURCE_PORT = 0;
export const DEST_PORT = 2;

/** What `outerEtherType` says of less than 14 bytes. */
export const TOO_SHORT = -1;

/** What `ipProtocol` says of anything but IPv4 and IPv6. */
export const NOT_IP = -1;

export interface Parser {
  /** The packet's first byte, and the first that is no longer its own. */
  data(ctx: number): number;
  dataEnd(ctx: number): number;
  /** The EtherType (or length) of the outer header; TOO_SHORT when there is none. */
  outerEtherType(data: number, end: number): number;
  /**
   * EtherType and offset of the next header in one number, so that nothing is allocated: `etherType` and `l3Offset`
   * take it apart. 0 is "not parsed": the frame is too short for its tags, or has an IEEE 802.3 length in place of an
   * EtherType. Behind a tag that is not looked at again: a length there is handed on as if it were an EtherType.
   */
  parseEth(data: number, end: number): number;
  ipProtocol(type: number, l3: number, end: number): number;
  /** The hash of both addresses, started from the protocol; the same for both directions. 0 if it is not IP. */
  ipPairHash(type: number, l3: number, end: number): number;
  /** A port of TCP or UDP over IPv4 or IPv6, else 0. `port` is SOURCE_PORT or DEST_PORT. */
  l4Port(type: number, l3: number, end: number, port: number): number;
  /** A port of UDP, as if an IPv4 header were at `l3`. */
  ipv4UdpPort(l3: number, end: number, port: number): number;
}

export function l3Offset(parsed: number): number {
  return parsed >>> 16;
}

export function etherType(parsed: number): number {
  return parsed & 0xffff;
}

/** One per memory: the second program on a CPU finds the first one's compiled code (measured: 19 ns against 27). */
const parsers = new WeakMap<ProgramEnv['memory'], Parser>();

export function attachParser({ memory }: ProgramEnv): Parser {
  const parser = parsers.get(memory) ?? createParser(memory);
  parsers.set(memory, parser);
  return parser;
}

function createParser({ u32 }: ProgramEnv['memory']): Parser {
  const view = new DataView(u32.buffer);
  const DATA = XDP_MD.data >> 2;
  const DATA_END = XDP_MD.data_end >> 2;
  const ETHERNET = ETH_HLEN;
  const TYPE_MIN = ETH_P_802_3_MIN;
  const { '8021Q': VLAN, '8021AD': SERVICE_VLAN, IP, IPV6 } = ETH_P;
  const { TCP, UDP } = IPPROTO;
  const SEED = INITVAL;
  // lengths of headers, and where they have what is read here
  const VLAN_TAG = 4;
  const IPV4_HEADER = 20;
  const IPV4_PROTOCOL = 9;
  const IPV4_SADDR = 12;
  const IPV4_DADDR = 16;
  const IPV6_HEADER = 40;
  const IPV6_NEXTHDR = 6;
  const IPV6_SADDR = 8;
  const TCP_HEADER = 20;
  const UDP_HEADER = 8;

  function ipv4Protocol(ip: number, end: number): number {
    return ip + IPV4_HEADER > end ? 0 : view.getUint8(ip + IPV4_PROTOCOL);
  }

  function ipv6Protocol(ip: number, end: number): number {
    return ip + IPV6_HEADER > end ? 0 : view.getUint8(ip + IPV6_NEXTHDR);
  }

  function portOf(protocol: number, l4: number, end: number, port: number): number {
    if (protocol !== TCP && protocol !== UDP) return 0;
    // the whole TCP header has to be there, although only its first four bytes are read
    const header = protocol === TCP ? TCP_HEADER : UDP_HEADER;
    return l4 + header > end ? 0 : view.getUint16(l4 + port);
  }

  return {
    data: (ctx) => u32[(ctx >>> 2) + DATA]!,
    dataEnd: (ctx) => u32[(ctx >>> 2) + DATA_END]!,
    outerEtherType: (data, end) => (data + ETHERNET > end ? TOO_SHORT : view.getUint16(data + ETHERNET - 2)),
    parseEth(data, end) {
      let l3 = data + ETHERNET;
      if (l3 > end) return 0;
      let type = view.getUint16(l3 - 2);
      if (type < TYPE_MIN) return 0;
      for (let tags = 0; tags < 2 && (type === VLAN || type === SERVICE_VLAN); tags++) {
        l3 += VLAN_TAG;
        if (l3 > end) return 0;
        type = view.getUint16(l3 - 2);
      }
      return ((l3 - data) << 16) | type;
    },
    ipProtocol(type, l3, end) {
      if (type === IP) return ipv4Protocol(l3, end);
      return type === IPV6 ? ipv6Protocol(l3, end) : NOT_IP;
    },
    ipPairHash(type, l3, end) {
      // addresses are added as little-endian words, wrapped to 32 bits: what the kernel computes on x86 and arm64
      if (type === IP && l3 + IPV4_HEADER <= end) {
        const sum = view.getInt32(l3 + IPV4_SADDR, true) + view.getInt32(l3 + IPV4_DADDR, true);
        return superFastHash(sum | 0, SEED + ipv4Protocol(l3, end));
      }
      if (type === IPV6 && l3 + IPV6_HEADER <= end) {
        let sum = 0;
        for (let word = IPV6_SADDR; word < IPV6_HEADER; word += 4) sum = (sum + view.getInt32(l3 + word, true)) | 0;
        return superFastHash(sum, SEED + ipv6Protocol(l3, end));
      }
      return 0;
    },
    l4Port(type, l3, end, port) {
      if (type === IP) return portOf(ipv4Protocol(l3, end), l3 + IPV4_HEADER, end, port);
      return type === IPV6 ? portOf(ipv6Protocol(l3, end), l3 + IPV6_HEADER, end, port) : 0;
    },
    ipv4UdpPort(l3, end, port) {
      return ipv4Protocol(l3, end) === UDP ? portOf(UDP, l3 + IPV4_HEADER, end, port) : 0;
    },
  };
}
