/**
 * GRE version 0 (RFC 2784, RFC 2890): four bytes, and four more for each of checksum, key and sequence number. Inside is
 * what its EtherType says, an Ethernet frame for 0x6558 (also NVGRE). Source routing and version 1 (PPTP) go by `outer`.
 */
import { type Encapsulation, load16, need } from './encapsulation.ts';

const IPPROTO_GRE = 47;
export const ETH_P_TEB = 0x6558;
/** Routing present, and the version. */
const NOT_READ = 0x4007;
const HEADER = 4;

/** r1 += 4 if bit `from` of r2 is set, without a branch. */
const fieldIf = (from: number): string => `
    r0 = r2
    r0 >>= ${from - 2}
    r0 &= 4
    r1 += r0`;

export const gre: Encapsulation = {
  name: 'gre',
  protocol: IPPROTO_GRE,
  leadsTo: ['inner_ethernet', 'inner_network'],
  text: `
  gre:
    ${need(HEADER)}
    ${load16('r2', 0)}
    if r2 & ${NOT_READ} goto outer
    ${load16('r4', 2)}
    r1 = ${HEADER}
    ${[15, 13, 12].map(fieldIf).join('')}
    r3 += r1
    if r4 == ${ETH_P_TEB} goto inner_ethernet
    goto inner_network`,
};
