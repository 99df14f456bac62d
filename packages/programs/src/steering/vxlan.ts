/** VXLAN (RFC 7348): eight bytes on UDP port 4789, then an Ethernet frame. Without the I flag it goes by `outer`. */
import { type Encapsulation, need } from './encapsulation.ts';

const PORT = 4789;
const FLAG_VNI = 0x08;
const HEADER = 8;

export const vxlan: Encapsulation = {
  name: 'vxlan',
  port: PORT,
  leadsTo: ['inner_ethernet'],
  text: `
  vxlan:
    ${need(HEADER)}
    r1 = *(u8 *)(r3 + 0)
    r1 &= ${FLAG_VNI}
    if r1 == 0 goto outer
    r3 += ${HEADER}
    goto inner_ethernet`,
};
