/**
 * Reading packet headers in the shared memory: Ethernet with up to two VLAN tags, IPv4, IPv6, ports.
 *
 * All functions take addresses; `end` is the packet's data_end, and a header counts only if it ends there or before.
 * A header that does not fit reads as 0: no protocol, no port, no addresses. That is how the sample's readers answer
 * too, so a truncated packet is not an error; it goes where protocol 0 goes.
 *
 * Bytes, not words: behind an Ethernet header of 14 bytes nothing is aligned. Words of addresses are put together in
 * little-endian order, which is how x86 and arm64 load them.
 */
import { ETH_HLEN, ETH_P, ETH_P_802_3_MIN, IPPROTO } from '@cpumap/uapi';

const H_PROTO = 12;
const VLAN_HLEN = 4;
const VLAN_ENCAPSULATED_PROTO = 2;

const IPV4_HLEN = 20;
const IPV4_PROTOCOL = 9;
const IPV4_SADDR = 12;
const IPV4_DADDR = 16;

const IPV6_HLEN = 40;
const IPV6_NEXTHDR = 6;
const IPV6_SADDR = 8;
const IPV6_DADDR = 24;

const TCP_HLEN = 20;
const UDP_HLEN = 8;
/** Where a TCP or UDP header has its ports. */
export const SOURCE_PORT = 0;
export const DEST_PORT = 2;

function isVlan(etherType: number): boolean {
  return etherType === ETH_P['8021Q'] || etherType === ETH_P['8021AD'];
}

/** The EtherType of the outer header. The caller has checked that 14 bytes are there. */
export function outerEtherType(view: DataView, data: number): number {
  return view.getUint16(data + H_PROTO);
}

/**
 * Both results in one number, so that nothing is allocated: take it apart with `l3Offset` and `etherType`.
 * 0 is "not parsed": the frame is too short for its tags, or carries an IEEE 802.3 length instead of an EtherType.
 * Behind a tag the value is not looked at again: a length there is handed on as if it were an EtherType.
 */
export function parseEth(view: DataView, data: number, end: number): number {
  let offset = ETH_HLEN;
  if (data + offset > end) return 0;
  let type = outerEtherType(view, data);
  if (type < ETH_P_802_3_MIN) return 0;
  for (let tags = 0; tags < 2 && isVlan(type); tags++) {
    const tag = data + offset;
    offset += VLAN_HLEN;
    if (data + offset > end) return 0;
    type = view.getUint16(tag + VLAN_ENCAPSULATED_PROTO);
  }
  return (offset << 16) | type;
}

export function l3Offset(parsed: number): number {
  return parsed >>> 16;
}

export function etherType(parsed: number): number {
  return parsed & 0xffff;
}

export function ipv4Protocol(view: DataView, ip: number, end: number): number {
  return ip + IPV4_HLEN > end ? 0 : view.getUint8(ip + IPV4_PROTOCOL);
}

/** The first next-header field; extension headers are not followed. */
export function ipv6Protocol(view: DataView, ip: number, end: number): number {
  return ip + IPV6_HLEN > end ? 0 : view.getUint8(ip + IPV6_NEXTHDR);
}

/** saddr + daddr as u32 words, wrapped to 32 bits: the same for both directions of a flow. */
export function ipv4AddressSum(view: DataView, ip: number): number {
  return (view.getInt32(ip + IPV4_SADDR, true) + view.getInt32(ip + IPV4_DADDR, true)) | 0;
}

/** The sum of the eight u32 words of both addresses, wrapped to 32 bits. */
export function ipv6AddressSum(view: DataView, ip: number): number {
  let sum = 0;
  for (let word = 0; word < 16; word += 4) {
    sum = (sum + view.getInt32(ip + IPV6_SADDR + word, true) + view.getInt32(ip + IPV6_DADDR + word, true)) | 0;
  }
  return sum;
}

/** A port of a UDP header at `udp`, 0 when the header does not fit. `port` is SOURCE_PORT or DEST_PORT. */
function udpPort(view: DataView, udp: number, end: number, port: number): number {
  return udp + UDP_HLEN > end ? 0 : view.getUint16(udp + port);
}

/** The TCP header has to be there whole, although only its first four bytes are read. */
function tcpPort(view: DataView, tcp: number, end: number, port: number): number {
  return tcp + TCP_HLEN > end ? 0 : view.getUint16(tcp + port);
}

/** A UDP port behind an IPv4 header that is taken to have no options, whatever its length field says. */
export function ipv4UdpPort(view: DataView, ip: number, end: number, port: number): number {
  return ipv4Protocol(view, ip, end) === IPPROTO.UDP ? udpPort(view, ip + IPV4_HLEN, end, port) : 0;
}

/** A TCP or UDP port behind an IPv4 header that is taken to have no options. */
export function ipv4Port(view: DataView, ip: number, end: number, port: number): number {
  const protocol = ipv4Protocol(view, ip, end);
  if (protocol === IPPROTO.TCP) return tcpPort(view, ip + IPV4_HLEN, end, port);
  return protocol === IPPROTO.UDP ? udpPort(view, ip + IPV4_HLEN, end, port) : 0;
}

/** A TCP or UDP port right behind an IPv6 header. */
export function ipv6Port(view: DataView, ip: number, end: number, port: number): number {
  const protocol = ipv6Protocol(view, ip, end);
  if (protocol === IPPROTO.TCP) return tcpPort(view, ip + IPV6_HLEN, end, port);
  return protocol === IPPROTO.UDP ? udpPort(view, ip + IPV6_HLEN, end, port) : 0;
}

export function ipv4Fits(ip: number, end: number): boolean {
  return ip + IPV4_HLEN <= end;
}

export function ipv6Fits(ip: number, end: number): boolean {
  return ip + IPV6_HLEN <= end;
}
