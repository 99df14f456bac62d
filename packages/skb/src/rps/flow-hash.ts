/**
 * The hash of a flow that RPS picks CPUs by: addresses, ports and protocol, the same in both directions.
 *
 * Linux mixes a secret of its boot into its own, so which CPU a flow gets there is not comparable; that a flow keeps its
 * CPU, and what belongs to a flow, is.
 */
import type { Memory } from '@cpumap/smp';
import { ETH_HLEN, ETH_P, IPPROTO } from '@cpumap/uapi';
import { SK_BUFF } from '../sk-buff.ts';

const VLAN_HLEN = 4;
const MULTIPLIER = 0x9e3779b1;

export function attachFlowHash({ u8, u32 }: Memory): (skb: number) => number {
  const be16 = (at: number): number => (u8[at]! << 8) | u8[at + 1]!;
  const be32 = (at: number): number => (be16(at) << 16) | be16(at + 2);

  function mix(hash: number, word: number): number {
    const mixed = Math.imul(hash ^ word, MULTIPLIER);
    return mixed ^ (mixed >>> 15);
  }

  /** Both ends, whichever way they talk. */
  function ends(hash: number, a: number, b: number): number {
    return a >>> 0 < b >>> 0 ? mix(mix(hash, a), b) : mix(mix(hash, b), a);
  }

  function ports(hash: number, proto: number, at: number, tail: number): number {
    if ((proto !== IPPROTO.TCP && proto !== IPPROTO.UDP) || at + 4 > tail) return hash;
    return ends(hash, be16(at), be16(at + 2));
  }

  function ipv4(hash: number, at: number, tail: number): number {
    if (at + 20 > tail) return hash;
    const proto = u8[at + 9]!;
    const mixed = mix(ends(hash, be32(at + 12), be32(at + 16)), proto);
    // fragments have no ports, so all of a datagram go together
    return (be16(at + 6) & 0x3fff) !== 0 ? mixed : ports(mixed, proto, at + ((u8[at]! & 0x0f) << 2), tail);
  }

  function address(at: number): number {
    return mix(mix(mix(mix(0, be32(at)), be32(at + 4)), be32(at + 8)), be32(at + 12));
  }

  function ipv6(hash: number, network: number, tail: number): number {
    if (network + 40 > tail) return hash;
    let proto = u8[network + 6]!;
    let at = network + 40;
    while ((proto === IPPROTO.HOPOPTS || proto === IPPROTO.ROUTING || proto === IPPROTO.DSTOPTS) && at + 8 <= tail) {
      proto = u8[at]!;
      at += (u8[at + 1]! + 1) << 3;
    }
    return ports(mix(ends(hash, address(network + 8), address(network + 24)), proto), proto, at, tail);
  }

  return (skb) => {
    const s = skb >> 2;
    const tail = u32[s + (SK_BUFF.tail >> 2)]!;
    let at = u32[s + (SK_BUFF.head >> 2)]! + u32[s + (SK_BUFF.mac_header >> 2)]! + ETH_HLEN;
    let type = u32[s + (SK_BUFF.protocol >> 2)]!;
    while ((type === ETH_P['8021Q'] || type === ETH_P['8021AD']) && at + VLAN_HLEN <= tail) {
      type = be16(at + 2);
      at += VLAN_HLEN;
    }
    const hash = mix(MULTIPLIER, type);
    if (type === ETH_P.IP) return ipv4(hash, at, tail) >>> 0;
    return (type === ETH_P.IPV6 ? ipv6(hash, at, tail) : hash) >>> 0;
  };
}
