/** A PPPoE session (RFC 2516): six bytes, then PPP's protocol number, here IPv4 or IPv6. Discovery and LCP go by `outer`. */
import { ETH_P } from '@cpumap/uapi';
import { type Encapsulation, load16, need } from './encapsulation.ts';

const ETH_P_PPP_SES = 0x8864;
/** Version 1, type 1, and code 0: session data. As a little-endian CPU reads the two bytes. */
const VERSION_TYPE_CODE = 0x0011;
const PPP_IP = 0x0021;
const PPP_IPV6 = 0x0057;
const HEADER = 8;

export const pppoe: Encapsulation = {
  name: 'pppoe',
  etherTypes: [ETH_P_PPP_SES],
  leadsTo: ['inner_network'],
  text: `
  pppoe:
    ${need(HEADER)}
    r1 = *(u16 *)(r3 + 0)
    if r1 != ${VERSION_TYPE_CODE} goto outer
    ${load16('r1', HEADER - 2)}
    r3 += ${HEADER}
    r4 = ${ETH_P.IP}
    if r1 == ${PPP_IP} goto inner_network
    r4 = ${ETH_P.IPV6}
    if r1 == ${PPP_IPV6} goto inner_network
    goto outer`,
};
