/**
 * MPLS (RFC 3032): up to six labels behind Ethernet, or behind UDP port 6635 (RFC 7510). Nothing says what is inside; as
 * routers do, the first four bits are taken for an IP version (RFC 4928). Pseudowires with a control word, and deeper
 * stacks, go by `outer`.
 */
import { type Encapsulation, need } from './encapsulation.ts';

const ETH_P_MPLS_UC = 0x8847;
const ETH_P_MPLS_MC = 0x8848;
const PORT = 6635;
const MAX_LABELS = 6;
const LABEL = 4;
const BOTTOM_OF_STACK = 0x01;

const label = `
    ${need(LABEL)}
    r2 = *(u8 *)(r3 + 2)
    r3 += ${LABEL}
    r2 &= ${BOTTOM_OF_STACK}
    if r2 != 0 goto inner_nibble`;

export const mpls: Encapsulation = {
  name: 'mpls',
  etherTypes: [ETH_P_MPLS_UC, ETH_P_MPLS_MC],
  port: PORT,
  leadsTo: ['inner_nibble'],
  text: `
  mpls:
    ${label.repeat(MAX_LABELS)}
    goto outer`,
};
