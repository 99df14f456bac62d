/**
 * GTP-U version 1 (3GPP TS 29.281): eight bytes on UDP port 2152; four more if any of the flags E, S and PN is set; then,
 * with E, a chain of extension headers, of which up to four are skipped. Inside a G-PDU is an IP packet. Other messages
 * (echo, error indication, end marker), version 0 and GTP' go by `outer`.
 */
import { type Encapsulation, need } from './encapsulation.ts';

const PORT = 2152;
/** Version and protocol type, and their value for GTP version 1. */
const KIND_MASK = 0xf0;
const KIND_GTP1 = 0x30;
const FLAGS_OPTIONAL = 0x07;
const FLAG_EXTENSION = 0x04;
const G_PDU = 255;
const HEADER = 8;
const OPTIONAL = 4;
const MAX_EXTENSIONS = 4;

/** Over one extension header: its first byte is its length in words, its last one the type of the next, 0 for none. */
const extension = `
    r1 = *(u8 *)(r3 - 1)
    if r1 == 0 goto inner_nibble
    ${need(1)}
    r2 = *(u8 *)(r3 + 0)
    if r2 == 0 goto outer
    r2 <<= 2
    r3 += r2
    if r3 > r8 goto outer`;

export const gtpu: Encapsulation = {
  name: 'gtpu',
  port: PORT,
  leadsTo: ['inner_nibble'],
  text: `
  gtpu:
    ${need(HEADER)}
    r2 = *(u8 *)(r3 + 0)
    r1 = r2
    r1 &= ${KIND_MASK}
    if r1 != ${KIND_GTP1} goto outer
    r1 = *(u8 *)(r3 + 1)
    if r1 != ${G_PDU} goto outer
    r3 += ${HEADER}
    r1 = r2
    r1 &= ${FLAGS_OPTIONAL}
    if r1 == 0 goto inner_nibble
    r3 += ${OPTIONAL}
    if r3 > r8 goto outer
    r2 &= ${FLAG_EXTENSION}
    if r2 == 0 goto inner_nibble
    ${extension.repeat(MAX_EXTENSIONS)}
    r1 = *(u8 *)(r3 - 1)
    if r1 == 0 goto inner_nibble
    goto outer`,
};
