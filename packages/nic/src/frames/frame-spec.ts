/**
 * What a frame for `buildFrame` is made of: Ethernet, up to two VLAN tags, IPv4 or IPv6, then UDP, TCP or an ICMP echo.
 * Everything that has a usual value may be left out; lengths and checksums are never given, they follow.
 */
import type { Address } from './addresses.ts';

export interface FrameSpec {
  /** Default 02:00:00:00:00:01, an address of no maker. */
  readonly sourceMac?: Address;
  /** Default 02:00:00:00:00:02. */
  readonly destinationMac?: Address;
  /** At most two, the outer one first. */
  readonly vlans?: readonly VlanSpec[];
  readonly network: Ipv4Spec | Ipv6Spec;
  readonly transport: UdpSpec | TcpSpec | IcmpSpec;
  /** Default none. */
  readonly payload?: Uint8Array;
  /**
   * Length of the whole frame without frame check sequence: the payload is followed by zeros up to it, inside the packet
   * and its checksum. Default: as long as headers and payload are, which may be less than the 60 bytes of the smallest
   * frame on a wire.
   */
  readonly length?: number;
}

export interface VlanSpec {
  /** 0 (priority only) to 4094. */
  readonly id: number;
  /** 0 to 7, default 0. */
  readonly priority?: number;
  readonly dropEligible?: boolean;
  /** Default 0x8100, and 0x88a8 for the outer one of two (802.1ad). */
  readonly tpid?: number;
}

export interface Ipv4Spec {
  readonly version: 4;
  readonly source: Address;
  readonly destination: Address;
  /** Default 64. */
  readonly ttl?: number;
  /** The former type of service: DSCP and ECN. Default 0. */
  readonly trafficClass?: number;
  /** Default 0, which goes with `dontFragment`. */
  readonly identification?: number;
  /** Default true. */
  readonly dontFragment?: boolean;
}

export interface Ipv6Spec {
  readonly version: 6;
  readonly source: Address;
  readonly destination: Address;
  /** Default 64. */
  readonly hopLimit?: number;
  /** Default 0. */
  readonly trafficClass?: number;
  /** 20 bits, default 0. */
  readonly flowLabel?: number;
}

export interface UdpSpec {
  readonly protocol: 'udp';
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface TcpSpec {
  readonly protocol: 'tcp';
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Default 1. */
  readonly sequence?: number;
  /** Default 1. */
  readonly acknowledgement?: number;
  /** Bits of `TCP_FLAG`, default ack. */
  readonly flags?: number;
  /** Default 65535. */
  readonly window?: number;
}

/** ICMP over IPv4, ICMPv6 over IPv6. */
export interface IcmpSpec {
  readonly protocol: 'icmp';
  /** Default echo request: 8, or 128 over IPv6. */
  readonly type?: number;
  /** Default 0. */
  readonly code?: number;
  /** First half of the word behind the checksum, default 0. */
  readonly identifier?: number;
  /** Second half, default 0. */
  readonly sequence?: number;
}

export const TCP_FLAG = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
  urg: 0x20,
  ece: 0x40,
  cwr: 0x80,
} as const;
