/**
 * xdp-bench's modes l4-sport and l4-dport: the CPU by a TCP or UDP port, modulo the number of CPUs. What has no such port,
 * or is cut off before the header's end, counts as port 0.
 */
import { IPPROTO } from '@cpumap/uapi';
import {
  availableCpu,
  countPacket,
  IPV4,
  IPV6,
  indexByCount,
  ipHeader,
  loadPacket,
  parseEthernet,
  pass,
  redirect,
  switchIp,
} from './fragments.ts';

/** Where TCP and UDP headers have the port. */
const SOURCE_PORT = 0;
const DEST_PORT = 2;
const UDP_HEADER = 8;
const TCP_HEADER = 20;

// the whole TCP header has to be there, although only its first four bytes are read
const byPort = (port: number, nrCpus: number): string => `
    ${loadPacket}
    ${countPacket}
    ${parseEthernet}
    r9 = 0
    ${switchIp}
    goto modulo
  ipv4:
    ${ipHeader(IPV4, 'modulo')}
    r2 = *(u8 *)(r3 + ${IPV4.protocol})
    goto transport
  ipv6:
    ${ipHeader(IPV6, 'modulo')}
    r2 = *(u8 *)(r3 + ${IPV6.protocol})
  transport:
    r1 = r5
    r1 += ${UDP_HEADER}
    if r2 == ${IPPROTO.UDP} goto ports
    if r2 != ${IPPROTO.TCP} goto modulo
    r1 += ${TCP_HEADER - UDP_HEADER}
  ports:
    if r1 > r8 goto modulo
    r9 = *(u16 *)(r5 + ${port})
    r9 = be16 r9
  modulo:
    ${indexByCount}
    ${availableCpu}
    ${redirect(nrCpus)}
    ${pass}`;

export const l4Sport = (nrCpus: number): string => byPort(SOURCE_PORT, nrCpus);

export const l4Dport = (nrCpus: number): string => byPort(DEST_PORT, nrCpus);
