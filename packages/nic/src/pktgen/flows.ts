/**
 * Who sends flow `i`: an address and a port that spread over the receive queues.
 *
 *   IPv4   198.18.a.b             → 198.19.0.1              the benchmarking network of RFC 2544, 198.18.0.0/15
 *   IPv6   2001:2:0:1::a:b (hex)  → 2001:2:0:2::1           that of RFC 5180, 2001:2::/48
 *
 * The low 16 bits of the source address are a permutation of the flow number, so that 65536 flows are 65536 different
 * addresses and stay apart where ports are not hashed (ICMP, fragments) or are all the same (sport=). The source port
 * (ICMP: the identifier) is a hash of the flow number, from 1024 up. Consecutive numbers would not do: the Toeplitz hash
 * is linear, and addresses and ports that count together cancel each other in part.
 *
 * Everything follows from the flow number and the seed: the same specification is the same frames on any machine.
 */
const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;

export const PKTGEN_DESTINATION = { ipv4: '198.19.0.1', ipv6: '2001:2:0:2::1' } as const;

/** Scatters 32 bits over 32 bits, one to one: odd factors carry bits up, shifts bring them down again. */
function scatter(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 15), 0x7fb5d329);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** A permutation of 0 to 65535: multiplying by an odd number, XOR with a constant and with own high bits each are one. */
function permute16(value: number, key: number): number {
  let bits = (value ^ key) & 0xffff;
  bits = Math.imul(bits, 0x6d2b) & 0xffff;
  bits ^= bits >>> 7;
  bits = (Math.imul(bits, 0x9e35) ^ (key >>> 16)) & 0xffff;
  return bits ^ (bits >>> 9);
}

/** Low 16 bits of the source address of `flow`, 0 to 65535. */
export function flowHost(flow: number, seed: number): number {
  return permute16(flow, scatter(seed + 1));
}

/** Source port of `flow`. */
export function flowPort(flow: number, seed: number): number {
  return FIRST_PORT + (scatter(scatter(seed) ^ (flow + 1)) % PORTS);
}

/** Source address of `flow` as it stands in a packet. */
export function flowAddress(flow: number, seed: number, ipv6: boolean): Uint8Array {
  const host = flowHost(flow, seed);
  const high = host >> 8;
  const low = host & 0xff;
  if (!ipv6) return Uint8Array.of(198, 18, high, low);
  return Uint8Array.of(0x20, 0x01, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, high, 0, low);
}
