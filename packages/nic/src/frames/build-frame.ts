/**
 * Builds one Ethernet frame from a FrameSpec, as it is handed to a driver: no preamble, no frame check sequence.
 *
 *   12 addresses | 4 × vlans | 2 ethertype | 20 IPv4 or 40 IPv6 | 8 UDP, 20 TCP or 8 ICMP | payload
 *
 * For sources of frames and for tests; it runs at setup, not for each packet. A value that does not fit its field throws
 * a RangeError that names the field: a frame that comes out is what was asked for.
 */
import { ipv4Bytes, ipv6Bytes, macBytes } from './addresses.ts';
import { checksumAdd, checksumFold, internetChecksum } from './checksum.ts';
import type { FrameSpec, IcmpSpec, Ipv4Spec, Ipv6Spec, TcpSpec, UdpSpec, VlanSpec } from './frame-spec.ts';
import { TCP_FLAG } from './frame-spec.ts';

const ETHERNET_HEADER = 14;
const VLAN_TAG = 4;
const NETWORK_HEADER = { 4: 20, 6: 40 } as const;
const TRANSPORT_HEADER = { udp: 8, tcp: 20, icmp: 8 } as const;
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;
/** ICMPv6 has a number of its own. */
const PROTOCOL = { udp: 17, tcp: 6, icmp: 1 } as const;
const ICMPV6 = 58;
const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const TPID_VLAN = 0x8100;
const TPID_SERVICE_VLAN = 0x88a8;
const DONT_FRAGMENT = 0x4000;
/** Where the checksum stands in each transport header. */
const CHECKSUM_AT = { udp: 6, tcp: 16, icmp: 2 } as const;

const DEFAULT_SOURCE = '02:00:00:00:00:01';
const DEFAULT_DESTINATION = '02:00:00:00:00:02';
const NO_PAYLOAD = new Uint8Array(0);

/** What decides the length of the headers. */
export interface FrameShape {
  readonly vlans: number;
  readonly version: 4 | 6;
  readonly protocol: 'udp' | 'tcp' | 'icmp';
}

/** Bytes in front of the payload: the smallest frame of this shape. */
export function frameHeaderLength({ vlans, version, protocol }: FrameShape): number {
  return ETHERNET_HEADER + vlans * VLAN_TAG + NETWORK_HEADER[version] + TRANSPORT_HEADER[protocol];
}

/** Builds the frame. */
export function buildFrame(spec: FrameSpec): Uint8Array {
  const { network, transport, vlans = [], payload = NO_PAYLOAD } = spec;
  if (vlans.length > 2) throw new RangeError(`vlans has ${vlans.length} tags, at most 2 are possible`);
  const shape: FrameShape = { vlans: vlans.length, version: network.version, protocol: transport.protocol };
  const least = frameHeaderLength(shape) + payload.length;
  const length = spec.length ?? least;
  if (!Number.isInteger(length) || length < least) {
    throw new RangeError(`length is ${length}, headers and payload take ${least}`);
  }
  const networkAt = ETHERNET_HEADER + vlans.length * VLAN_TAG;
  const transportAt = networkAt + NETWORK_HEADER[network.version];
  // IPv4 counts its header in its length, IPv6 does not
  const packet = length - (network.version === 4 ? networkAt : transportAt);
  if (packet > 0xffff) throw new RangeError(`length is ${length}, an IP packet cannot be that long`);

  const frame = new Uint8Array(length);
  const view = new DataView(frame.buffer);
  frame.set(macBytes(spec.destinationMac ?? DEFAULT_DESTINATION, 'destinationMac'), 0);
  frame.set(macBytes(spec.sourceMac ?? DEFAULT_SOURCE, 'sourceMac'), 6);
  writeVlans(view, vlans);
  view.setUint16(networkAt - 2, ETHERTYPE[network.version]);
  frame.set(payload, transportAt + TRANSPORT_HEADER[transport.protocol]);
  const protocol = network.version === 6 && transport.protocol === 'icmp' ? ICMPV6 : PROTOCOL[transport.protocol];
  const pseudo =
    network.version === 4
      ? writeIpv4(frame, view, networkAt, network, protocol)
      : writeIpv6(frame, view, networkAt, network, protocol);
  writeTransport(view, transportAt, transport, network.version);
  // of the four, only ICMP over IPv4 leaves the pseudo header out
  const sum = checksumAdd(protocol === PROTOCOL.icmp ? 0 : pseudo, frame, transportAt);
  const checksum = checksumFold(sum);
  // a UDP checksum of 0 means none (RFC 768); its other zero is sent
  const written = checksum === 0 && transport.protocol === 'udp' ? 0xffff : checksum;
  view.setUint16(transportAt + CHECKSUM_AT[transport.protocol], written);
  return frame;
}

function writeVlans(view: DataView, vlans: readonly VlanSpec[]): void {
  for (const [index, vlan] of vlans.entries()) {
    const at = 12 + index * VLAN_TAG;
    const usualTpid = vlans.length === 2 && index === 0 ? TPID_SERVICE_VLAN : TPID_VLAN;
    const id = field(vlan.id, 0xffe, `vlans[${index}].id`);
    const priority = field(vlan.priority ?? 0, 7, `vlans[${index}].priority`);
    view.setUint16(at, field(vlan.tpid ?? usualTpid, 0xffff, `vlans[${index}].tpid`));
    view.setUint16(at + 2, (priority << 13) | (vlan.dropEligible === true ? 0x1000 : 0) | id);
  }
}

/** Returns the running sum of the pseudo header that UDP and TCP check. */
function writeIpv4(frame: Uint8Array, view: DataView, at: number, spec: Ipv4Spec, protocol: number): number {
  const length = frame.length - at;
  view.setUint8(at, 0x45); // version 4, five words of header
  view.setUint8(at + 1, field(spec.trafficClass ?? 0, 0xff, 'network.trafficClass'));
  view.setUint16(at + 2, length);
  view.setUint16(at + 4, field(spec.identification ?? 0, 0xffff, 'network.identification'));
  view.setUint16(at + 6, (spec.dontFragment ?? true) ? DONT_FRAGMENT : 0);
  view.setUint8(at + 8, field(spec.ttl ?? 64, 0xff, 'network.ttl'));
  view.setUint8(at + 9, protocol);
  frame.set(ipv4Bytes(spec.source, 'network.source'), at + 12);
  frame.set(ipv4Bytes(spec.destination, 'network.destination'), at + 16);
  view.setUint16(at + 10, internetChecksum(frame, at, at + 20));
  return checksumAdd(protocol + length - 20, frame, at + 12, at + 20);
}

function writeIpv6(frame: Uint8Array, view: DataView, at: number, spec: Ipv6Spec, protocol: number): number {
  const length = frame.length - at - 40;
  const trafficClass = field(spec.trafficClass ?? 0, 0xff, 'network.trafficClass');
  const flowLabel = field(spec.flowLabel ?? 0, 0xfffff, 'network.flowLabel');
  view.setUint32(at, 0x60000000 + trafficClass * 0x100000 + flowLabel);
  view.setUint16(at + 4, length);
  view.setUint8(at + 6, protocol);
  view.setUint8(at + 7, field(spec.hopLimit ?? 64, 0xff, 'network.hopLimit'));
  frame.set(ipv6Bytes(spec.source, 'network.source'), at + 8);
  frame.set(ipv6Bytes(spec.destination, 'network.destination'), at + 24);
  return checksumAdd(protocol + length, frame, at + 8, at + 40);
}

/** Everything but the checksum, which stays 0 until the payload is in its place. */
function writeTransport(view: DataView, at: number, spec: UdpSpec | TcpSpec | IcmpSpec, version: 4 | 6): void {
  if (spec.protocol === 'icmp') {
    view.setUint8(at, field(spec.type ?? ECHO_REQUEST[version], 0xff, 'transport.type'));
    view.setUint8(at + 1, field(spec.code ?? 0, 0xff, 'transport.code'));
    view.setUint16(at + 4, field(spec.identifier ?? 0, 0xffff, 'transport.identifier'));
    view.setUint16(at + 6, field(spec.sequence ?? 0, 0xffff, 'transport.sequence'));
    return;
  }
  view.setUint16(at, field(spec.sourcePort, 0xffff, 'transport.sourcePort'));
  view.setUint16(at + 2, field(spec.destinationPort, 0xffff, 'transport.destinationPort'));
  if (spec.protocol === 'udp') {
    view.setUint16(at + 4, view.byteLength - at);
    return;
  }
  view.setUint32(at + 4, field(spec.sequence ?? 1, 0xffff_ffff, 'transport.sequence'));
  view.setUint32(at + 8, field(spec.acknowledgement ?? 1, 0xffff_ffff, 'transport.acknowledgement'));
  view.setUint8(at + 12, 0x50); // five words of header
  view.setUint8(at + 13, field(spec.flags ?? TCP_FLAG.ack, 0xff, 'transport.flags'));
  view.setUint16(at + 14, field(spec.window ?? 0xffff, 0xffff, 'transport.window'));
}

function field(value: number, max: number, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${name} must be an integer from 0 to ${max}, not ${value}`);
}
