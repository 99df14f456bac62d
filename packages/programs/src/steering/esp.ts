/**
 * ESP (RFC 4303), and ESP in UDP port 4500 (RFC 3948). What is inside is encrypted: a security association goes by the
 * outer header and its SPI, so its packets stay in order. The other direction is another association, with another SPI.
 * In UDP, SPI 0 marks IKE, and a keepalive has one byte: both go by `outer` alone.
 */
import { type Encapsulation, need } from './encapsulation.ts';

const IPPROTO_ESP = 50;
const PORT = 4500;
const SPI = 4;

export const esp: Encapsulation = {
  name: 'esp',
  protocol: IPPROTO_ESP,
  port: PORT,
  eitherPort: true,
  leadsTo: [],
  text: `
  esp:
    ${need(SPI)}
    r9 = *(u32 *)(r3 + 0)
    goto outer`,
};
