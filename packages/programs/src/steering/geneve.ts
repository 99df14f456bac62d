/**
 * Geneve (RFC 8926): eight bytes on UDP port 6081 and up to 252 bytes of options, which are skipped. Inside is what its
 * EtherType says, an Ethernet frame for 0x6558. Another version than 0 goes by `outer`.
 */
import { type Encapsulation, load16, need } from './encapsulation.ts';
import { ETH_P_TEB } from './gre.ts';

const PORT = 6081;
const HEADER = 8;

export const geneve: Encapsulation = {
  name: 'geneve',
  port: PORT,
  leadsTo: ['inner_ethernet', 'inner_network'],
  text: `
  geneve:
    ${need(HEADER)}
    r2 = *(u8 *)(r3 + 0)
    if r2 > 63 goto outer
    ${load16('r4', 2)}
    r2 <<= 2
    r3 += ${HEADER}
    r3 += r2
    if r4 == ${ETH_P_TEB} goto inner_ethernet
    goto inner_network`,
};
