/**
 * What a probe takes: fields of the frame, and of what became of it. All that are given must hold.
 *
 * Addresses and ports are those of the outer IP header, behind any VLAN tags; ports are those of UDP, TCP and SCTP, and of
 * first fragments alone. A frame without the field does not match.
 */
import type { Memory } from '@cpumap/smp';
import { reasonNumber } from './hooks.ts';

export interface ProbeFilter {
  /** The CPU where the frame is seen. */
  readonly cpu?: number;
  readonly ifindex?: number;
  /** In host order, behind VLAN tags. */
  readonly etherType?: number;
  /** Of the IP header, or of the last of IPv6's headers. */
  readonly protocol?: number;
  /** The outermost VLAN id. */
  readonly vlan?: number;
  readonly src?: AddressRange;
  readonly dst?: AddressRange;
  readonly sport?: number;
  readonly dport?: number;
  readonly verdict?: number;
  /** The target CPU or ifindex. */
  readonly to?: number;
  readonly reason?: string;
}

export interface AddressRange {
  /** Four bytes or sixteen. */
  readonly bytes: readonly number[];
  /** Bits that count. */
  readonly prefix: number;
}

/** What a filter can ask about a frame before it is known what becomes of it; false does not match. */
export type FrameFilter = (ifindex: number, data: number, end: number) => boolean;
/** And afterwards. */
export type OutcomeFilter = (verdict: number, to: number, reason: number) => boolean;

const VLAN_TYPES = [0x8100, 0x88a8];
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const IPV6_FRAGMENT = 44;
const IPV6_OPTIONS = [0, 43, 60, 135]; // hop-by-hop, routing, destination options, mobility: next header, length in 8 bytes
const WITH_PORTS = [6, 17, 132];

export function frameFilter({ u8 }: Memory, filter: ProbeFilter): FrameFilter | undefined {
  const { ifindex, etherType, protocol, vlan, src, dst, sport, dport } = filter;
  const asksPacket = [etherType, protocol, vlan, src, dst, sport, dport].some((field) => field !== undefined);
  if (ifindex === undefined && !asksPacket) return undefined;

  const u16At = (at: number): number => (u8[at]! << 8) | u8[at + 1]!;

  function isIn(at: number, length: number, range: AddressRange): boolean {
    if (range.bytes.length !== length) return false;
    for (let bit = 0; bit < range.prefix; bit += 8) {
      const mask = range.prefix - bit >= 8 ? 0xff : 0xff << (8 - (range.prefix - bit));
      if (((u8[at + (bit >> 3)]! ^ range.bytes[bit >> 3]!) & mask) !== 0) return false;
    }
    return true;
  }

  function addressesMatch(source: number, length: number): boolean {
    if (src !== undefined && !isIn(source, length, src)) return false;
    return dst === undefined || isIn(source + length, length, dst);
  }

  function transportMatches(found: number, at: number, end: number, hasPorts: boolean): boolean {
    if (protocol !== undefined && found !== protocol) return false;
    if (sport === undefined && dport === undefined) return true;
    if (!hasPorts || !WITH_PORTS.includes(found) || at + 4 > end) return false;
    return (sport === undefined || u16At(at) === sport) && (dport === undefined || u16At(at + 2) === dport);
  }

  function ipv4Matches(at: number, end: number): boolean {
    if (at + 20 > end || !addressesMatch(at + 12, 4)) return false;
    const isFirst = (u16At(at + 6) & 0x1fff) === 0;
    return transportMatches(u8[at + 9]!, at + (u8[at]! & 15) * 4, end, isFirst);
  }

  function ipv6Matches(at: number, end: number): boolean {
    if (at + 40 > end || !addressesMatch(at + 8, 16)) return false;
    let next = u8[at + 6]!;
    let header = at + 40;
    let isFirst = true;
    while (header + 8 <= end && (next === IPV6_FRAGMENT || IPV6_OPTIONS.includes(next))) {
      const isFragment = next === IPV6_FRAGMENT;
      if (isFragment) isFirst = (u16At(header + 2) & 0xfff8) === 0;
      next = u8[header]!;
      header += isFragment ? 8 : 8 + u8[header + 1]! * 8;
    }
    return transportMatches(next, header, end, isFirst);
  }

  const asksIp = [protocol, src, dst, sport, dport].some((field) => field !== undefined);

  return (frameIfindex, data, end) => {
    if (ifindex !== undefined && frameIfindex !== ifindex) return false;
    if (!asksPacket) return true;
    let at = data + 12;
    let type = at + 2 <= end ? u16At(at) : 0;
    let tag = -1;
    while (VLAN_TYPES.includes(type) && at + 6 <= end) {
      if (tag === -1) tag = u16At(at + 2) & 0xfff;
      at += 4;
      type = u16At(at);
    }
    if (vlan !== undefined && tag !== vlan) return false;
    if (etherType !== undefined && type !== etherType) return false;
    if (!asksIp) return true;
    if (type === IPV4) return ipv4Matches(at + 2, end);
    return type === IPV6 && ipv6Matches(at + 2, end);
  };
}

export function outcomeFilter({ verdict, to, reason }: ProbeFilter): OutcomeFilter | undefined {
  if (verdict === undefined && to === undefined && reason === undefined) return undefined;
  const reasonWanted = reason === undefined ? undefined : reasonNumber(reason);
  return (frameVerdict, frameTo, frameReason) =>
    (verdict === undefined || frameVerdict === verdict) &&
    (to === undefined || frameTo === to) &&
    (reasonWanted === undefined || frameReason === reasonWanted);
}
