/**
 * A steering program as assembly text: the outer headers, the encapsulations that it knows, what is inside, and the
 * outer header where nothing inside can be hashed.
 *
 * Registers  as in fragments.ts; r3 the header being read, r4 its EtherType; r9 what an encapsulation adds to the seed
 * Stack      r10 - 16 the outer network header's address, r10 - 24 its EtherType, r10 - 32 the header that is hashed
 *
 * All jumps lead forward, so that the verifier is done after each path once. Code that some program has no use for is
 * left out of it: a program must not contain what nothing reaches.
 */
import { ETH_HLEN, ETH_P, ETH_P_802_3_MIN, IPPROTO } from '@cpumap/uapi';
import { availableCpu, countPacket, indexByCount, loadPacket, outerHeader, pass, redirect } from '../fragments.ts';
import { type Encapsulation, type Inside, load16, need } from './encapsulation.ts';
import { ethernetFlow, hash, ipv4Flow, ipv4Header, ipv6Flow, ipv6Header } from './flow-hash.ts';

const VLAN_TAG = 4;
const UDP_HEADER = 8;
const OUTER_AT = -16;
const OUTER_TYPE_AT = -24;

/** Over up to two VLAN tags, customer's or service's, behind an EtherType in r4; to `short` when the frame ends in one. */
function tags(name: string, short: string): string {
  const tag = (number: number): string => `
    if r4 == ${ETH_P['8021Q']} goto ${name}_tag${number}
    if r4 != ${ETH_P['8021AD']} goto ${name}_untagged
  ${name}_tag${number}:
    ${need(VLAN_TAG, short)}
    ${load16('r4', 2)}
    r3 += ${VLAN_TAG}`;
  return `
    ${tag(1)}
    ${tag(2)}
  ${name}_untagged:`;
}

const toIp = (ipv4: string, ipv6: string): string => `
    if r4 == ${ETH_P.IP} goto ${ipv4}
    if r4 == ${ETH_P.IPV6} goto ${ipv6}`;

/** From UDP at r3 to the encapsulation of its destination port, else to one whose port is the source. */
function udp(known: readonly Encapsulation[]): string {
  const byPort = [
    ...known.flatMap(({ name, port }) => (port === undefined ? [] : [`if r4 == ${port} goto ${name}`])),
    ...known.flatMap(({ name, port, eitherPort }) => (eitherPort === true ? [`if r2 == ${port} goto ${name}`] : [])),
  ];
  if (byPort.length === 0) return '';
  return `
    if r5 != ${IPPROTO.UDP} goto outer
    ${need(UDP_HEADER)}
    ${load16('r2', 0)}
    ${load16('r4', 2)}
    r3 += ${UDP_HEADER}
    ${byPort.join('\n    ')}`;
}

/** From the outer network header to the encapsulations behind it. Those in fragments are not looked for. */
function toEncapsulations(known: readonly Encapsulation[]): string {
  const byType = known.flatMap(({ name, etherTypes = [] }) =>
    etherTypes.map((type) => `if r4 == ${type} goto ${name}`),
  );
  const byProtocol = known.flatMap(({ name, protocol }) =>
    protocol === undefined ? [] : [`if r5 == ${protocol} goto ${name}`],
  );
  const behindIp = `${byProtocol.join('\n    ')}${udp(known)}`;
  if (behindIp === '') return `${byType.join('\n    ')}\n    goto outer`;
  return `
    ${byType.join('\n    ')}
    ${toIp('carrier_ipv4', 'carrier_ipv6')}
    goto outer
  carrier_ipv6:
    ${ipv6Header('carrier_ipv6', { short: 'outer', malformed: 'outer', cut: 'outer' })}
    goto carried
  carrier_ipv4:
    ${ipv4Header('outer', 'outer')}
    if r4 != 0 goto outer
  carried:
    ${behindIp}
    goto outer`;
}

const INSIDE: Readonly<Record<Inside, string>> = {
  inner_nibble: `
  inner_nibble:
    ${need(1)}
    r1 = *(u8 *)(r3 + 0)
    r1 >>= 4
    if r1 == 4 goto inner_ipv4
    if r1 == 6 goto inner_ipv6
    goto outer`,
  inner_ethernet: `
  inner_ethernet:
    ${need(ETH_HLEN)}
    ${load16('r4', ETH_HLEN - 2)}
    r3 += ${ETH_HLEN}
    ${tags('inner', 'outer')}
    ${toIp('inner_ipv4', 'inner_ipv6')}
    goto outer`,
  inner_network: `
  inner_network:
    ${toIp('inner_ipv4', 'inner_ipv6')}
    goto outer`,
};

function inside(known: readonly Encapsulation[]): string {
  const reached = new Set(known.flatMap(({ leadsTo }) => leadsTo));
  if (reached.size === 0) return '';
  return `
    ${[...reached].map((place) => INSIDE[place]).join('')}
    ${ipv4Flow('inner', 'outer', 'outer')}
    ${ipv6Flow('inner', 'outer', 'outer')}`;
}

/** The program that looks into these encapsulations. Frames without Ethernet header or with an 802.3 length pass. */
export function steeringText(known: readonly Encapsulation[], nrCpus: number): string {
  return `
    ${loadPacket}
    ${countPacket}
    ${outerHeader('pass')}
    if r4 < ${ETH_P_802_3_MIN} goto pass
    r9 = 0
    ${tags('outer', 'ethernet')}
    *(u64 *)(r10 ${OUTER_AT}) = r3
    *(u64 *)(r10 ${OUTER_TYPE_AT}) = r4
    ${toEncapsulations(known)}
    ${known.map(({ text }) => text).join('')}
    ${inside(known)}
  outer:
    r3 = *(u64 *)(r10 ${OUTER_AT})
    r4 = *(u64 *)(r10 ${OUTER_TYPE_AT})
    ${toIp('outer_ipv4', 'outer_ipv6')}
    goto ethernet
    ${ipv4Flow('outer', 'ethernet')}
    ${ipv6Flow('outer', 'ethernet')}
    ${ethernetFlow}
    ${hash}
    ${indexByCount}
    ${availableCpu}
    ${redirect(nrCpus)}
    ${pass}`;
}
