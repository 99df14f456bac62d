/**
 * The hash of a flow, the same in both directions, as assembly text.
 *
 *   end(address, port) = fmix32(((a0 * FOLD + a1) * FOLD + ...) * FOLD + port)     a0.. the address's 32-bit words
 *   hash               = SuperFastHash(end(source) + end(destination), protocol)
 *
 * Words and ports are read as a little-endian CPU reads them, sums and products have 32 bits, fmix32 is MurmurHash3's
 * published last step. Each end is mixed before the two are added: unlike a sum of addresses, 10.0.0.1 with 10.0.0.4
 * is not 10.0.0.2 with 10.0.0.3. Ports are those of TCP, UDP and SCTP, and 0 for other protocols, for every fragment (the
 * later ones have none, and all of a packet's go to one CPU) and where the frame ends before them.
 */
import { ETH_ALEN, IPPROTO } from '@cpumap/uapi';
import { IPV4, IPV6 } from '../fragments.ts';
import { superFastHash } from '../hash.ts';
import { need } from './encapsulation.ts';

/** 2 to the 32nd divided by the golden ratio, as the signed immediate that it is in an instruction. */
const FOLD = 0x9e3779b1 | 0;
const IPV4_FRAG_OFF = 6;
const IPV4_SADDR = 12;
const IPV6_SADDR = 8;
const IPPROTO_SCTP = 132;
const PORTS = 4;

/** More fragments, or an offset, as a little-endian CPU reads the field. */
const IPV4_FRAGMENT = 0xff3f;

/** w1 or w2 = the `words` 32-bit words at r3 + `at` folded. Changes r4. */
function fold(n: 1 | 2, at: number, words: number): string {
  const more = (next: number): string => `
    w${n} *= ${FOLD}
    r4 = *(u32 *)(r3 + ${next})
    w${n} += w4`;
  const rest = Array.from({ length: words - 1 }, (_, i) => more(at + 4 * (i + 1)));
  return `
    r${n} = *(u32 *)(r3 + ${at})
    ${rest.join('')}`;
}

/**
 * IPv4 at r3: r3 behind header and options, r5 the protocol, r4 not 0 for a fragment. To `short` when the frame ends in
 * the first 20 bytes, to `malformed` (r5 is there) when version or length are none. Changes r1, r2.
 */
export function ipv4Header(short: string, malformed: string): string {
  return `
    ${need(IPV4.length, short)}
    r2 = *(u8 *)(r3 + 0)
    r5 = *(u8 *)(r3 + ${IPV4.protocol})
    r4 = *(u16 *)(r3 + ${IPV4_FRAG_OFF})
    r4 &= ${IPV4_FRAGMENT}
    r1 = r2
    r1 >>= 4
    if r1 != 4 goto ${malformed}
    r2 &= 15
    if r2 < ${IPV4.length / 4} goto ${malformed}
    r2 <<= 2
    r3 += r2`;
}

/** Over an extension header, if r5 is one. */
function ipv6Extension(name: string, number: number, short: string): string {
  const { HOPOPTS, ROUTING, DSTOPTS } = IPPROTO;
  return `
    if r5 == ${HOPOPTS} goto ${name}_extension${number}
    if r5 == ${ROUTING} goto ${name}_extension${number}
    if r5 != ${DSTOPTS} goto ${name}_behind
  ${name}_extension${number}:
    ${need(8, short)}
    r5 = *(u8 *)(r3 + 0)
    r2 = *(u8 *)(r3 + 1)
    r2 <<= 3
    r3 += 8
    r3 += r2`;
}

interface Ipv6Exits {
  /** Where to go when the frame ends in the first 40 bytes. */
  readonly short: string;
  /** Where to go, r5 being there, when the version is another. */
  readonly malformed: string;
  /** Where to go, r5 being there, when the frame ends in an extension header. */
  readonly cut: string;
}

/**
 * IPv6 at r3: r3 behind it and up to two extension headers, as tunnels of Linux have one, r5 the next header. A fragment
 * header is not skipped, so its number is the protocol of all fragments. Changes r1, r2; `name` begins the labels.
 */
export function ipv6Header(name: string, { short, malformed, cut }: Ipv6Exits): string {
  return `
    ${need(IPV6.length, short)}
    r2 = *(u8 *)(r3 + 0)
    r5 = *(u8 *)(r3 + ${IPV6.protocol})
    r2 >>= 4
    if r2 != 6 goto ${malformed}
    r3 += ${IPV6.length}
    ${ipv6Extension(name, 1, cut)}
    ${ipv6Extension(name, 2, cut)}
  ${name}_behind:`;
}

/** r0 = both ports, as they lie in the packet, if r5 has any and the frame has them; else on to `without`, which follows. */
function ports(name: string, without: string): string {
  return `
    if r5 == ${IPPROTO.TCP} goto ${name}_ports
    if r5 == ${IPPROTO.UDP} goto ${name}_ports
    if r5 != ${IPPROTO_SCTP} goto ${without}
  ${name}_ports:
    ${need(PORTS, without)}
    r0 = *(u32 *)(r3 + 0)
  ${without}:`;
}

/** Where the address of the IP header that is hashed lies on the stack. */
const HEADER_AT = -32;

/** The IP header at r3 to `hash`. To `short` when the frame ends in it; with another version to `malformed`. */
export function ipv4Flow(name: string, short: string, malformed = `${name}_ipv4_fold`): string {
  return `
  ${name}_ipv4:
    *(u64 *)(r10 ${HEADER_AT}) = r3
    r0 = 0
    ${ipv4Header(short, malformed)}
    if r4 != 0 goto ${name}_ipv4_fold
    ${ports(`${name}_ipv4`, `${name}_ipv4_fold`)}
    r3 = *(u64 *)(r10 ${HEADER_AT})
    ${fold(1, IPV4_SADDR, 1)}
    ${fold(2, IPV4_SADDR + 4, 1)}
    goto hash`;
}

export function ipv6Flow(name: string, short: string, malformed = `${name}_ipv6_fold`): string {
  return `
  ${name}_ipv6:
    *(u64 *)(r10 ${HEADER_AT}) = r3
    r0 = 0
    ${ipv6Header(`${name}_ipv6`, { short, malformed, cut: `${name}_ipv6_fold` })}
    ${ports(`${name}_ipv6`, `${name}_ipv6_fold`)}
    r3 = *(u64 *)(r10 ${HEADER_AT})
    ${fold(1, IPV6_SADDR, 4)}
    ${fold(2, IPV6_SADDR + 16, 4)}
    goto hash`;
}

/** What is not IP: the two MAC addresses are the ends, and the first EtherType the protocol. */
export const ethernetFlow = `
  ethernet:
    r0 = 0
    r1 = *(u32 *)(r7 + 0)
    w1 *= ${FOLD}
    r4 = *(u16 *)(r7 + 4)
    w1 += w4
    r2 = *(u32 *)(r7 + ${ETH_ALEN})
    w2 *= ${FOLD}
    r4 = *(u16 *)(r7 + ${ETH_ALEN + 4})
    w2 += w4
    r5 = *(u16 *)(r7 + ${2 * ETH_ALEN})
    r5 = be16 r5`;

/** fmix32 of w1 or w2. Changes r4. */
function fmix32(n: 1 | 2): string {
  const shifted = (bits: number): string => `
    w4 = w${n}
    w4 >>= ${bits}
    w${n} ^= w4`;
  return `
    ${shifted(16)}
    w${n} *= ${0x85ebca6b | 0}
    ${shifted(13)}
    w${n} *= ${0xc2b2ae35 | 0}
    ${shifted(16)}`;
}

/** w9 = the hash of ends w1 and w2, their ports w0 and protocol w5; what was in w9 is added to the protocol. */
export const hash = `
  hash:
    w4 = w0
    w4 &= 0xffff
    w1 *= ${FOLD}
    w1 += w4
    w0 >>= 16
    w2 *= ${FOLD}
    w2 += w0
    ${fmix32(1)}
    ${fmix32(2)}
    w1 += w2
    w5 += w9
    w9 = w1
    ${superFastHash}`;
