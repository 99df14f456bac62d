/** Encapsulations for tests, as bytes that go between headers. */
import { ETH_P, IPPROTO } from '@cpumap/uapi';
import { ethernet, ipv4, ipv6, udp } from './packets.ts';

type Bytes = readonly number[];

const u16 = (value: number): Bytes => [value >> 8, value & 0xff];
const zeros = (n: number): Bytes => new Array<number>(n).fill(0);

const ROUTERS = [
  [192, 0, 2, 1],
  [192, 0, 2, 2],
] as const;

/** The outer headers of a tunnel over UDP. */
const overUdp = (port: number, source = 50_000): Bytes => [
  ...ethernet(ETH_P.IP),
  ...ipv4(IPPROTO.UDP, ...ROUTERS),
  ...udp(source, port),
];
const over = (protocol: number): Bytes => [...ethernet(ETH_P.IP), ...ipv4(protocol, ...ROUTERS)];
const over6 = (protocol: number): Bytes => [...ethernet(ETH_P.IPV6), ...ipv6(protocol)];

/** An IPv6 destination options header, as Linux puts one before GRE. */
const destinationOptions = (next: number): Bytes => [next, 0, 4, 1, 4, 1, 1, 0];

const PPP = { 4: 0x0021, 6: 0x0057 } as const;
const TYPE = { 4: ETH_P.IP, 6: ETH_P.IPV6 } as const;
type Version = 4 | 6;

/** Everything before the inner IP header, by what it is; `version` is that of the inner IP header. */
export const BEFORE: Readonly<Record<string, { mode: string; bytes: (version: Version) => Bytes }>> = {
  'no tag': { mode: 'qinq', bytes: (version) => ethernet(TYPE[version]) },
  'one tag': { mode: 'qinq', bytes: (version) => ethernet(TYPE[version], [0x8100]) },
  'two tags': { mode: 'qinq', bytes: (version) => ethernet(TYPE[version], [0x88a8, 0x8100]) },
  PPPoE: { mode: 'pppoe', bytes: (v) => [...ethernet(0x8864), 0x11, 0, 0, 7, 0, 60, ...u16(PPP[v])] },
  'PPPoE behind two tags': {
    mode: 'pppoe',
    bytes: (v) => [...ethernet(0x8864, [0x88a8, 0x8100]), 0x11, 0, 0, 7, 0, 60, ...u16(PPP[v])],
  },
  GRE: { mode: 'gre', bytes: (v) => [...over(47), 0, 0, ...u16(TYPE[v])] },
  'GRE over IPv6': { mode: 'gre', bytes: (v) => [...over6(47), 0, 0, ...u16(TYPE[v])] },
  'GRE over IPv6 with options': {
    mode: 'gre',
    bytes: (v) => [...over6(60), ...destinationOptions(47), 0, 0, ...u16(TYPE[v])],
  },
  'GRE with a key': { mode: 'gre', bytes: (v) => [...over(47), 0x20, 0, ...u16(TYPE[v]), 1, 2, 3, 4] },
  'GRE with all fields': { mode: 'gre', bytes: (v) => [...over(47), 0xb0, 0, ...u16(TYPE[v]), ...zeros(12)] },
  'GRE with Ethernet': {
    mode: 'gre',
    bytes: (v) => [...over(47), 0x20, 0, 0x65, 0x58, ...zeros(4), ...ethernet(TYPE[v])],
  },
  VXLAN: { mode: 'vxlan', bytes: (v) => [...overUdp(4789), 8, ...zeros(7), ...ethernet(TYPE[v])] },
  'VXLAN with a tag inside': {
    mode: 'vxlan',
    bytes: (v) => [...overUdp(4789), 8, ...zeros(7), ...ethernet(TYPE[v], [0x8100])],
  },
  Geneve: { mode: 'geneve', bytes: (v) => [...overUdp(6081), 0, 0, 0x65, 0x58, ...zeros(4), ...ethernet(TYPE[v])] },
  'Geneve with options': {
    mode: 'geneve',
    bytes: (v) => [...overUdp(6081), 3, 0, 0x65, 0x58, ...zeros(4), ...zeros(12), ...ethernet(TYPE[v])],
  },
  'Geneve with IP': { mode: 'geneve', bytes: (v) => [...overUdp(6081), 1, 0, ...u16(TYPE[v]), ...zeros(8)] },
  'GTP-U': { mode: 'gtpu', bytes: () => [...overUdp(2152, 2152), 0x30, 255, 0, 40, 0, 0, 0, 9] },
  'GTP-U with a sequence number': {
    mode: 'gtpu',
    bytes: () => [...overUdp(2152, 2152), 0x32, 255, 0, 40, 0, 0, 0, 9, 0, 1, 0, 0],
  },
  'GTP-U with a PDU session container': {
    mode: 'gtpu',
    bytes: () => [...overUdp(2152, 2152), 0x34, 255, 0, 40, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 9, 0],
  },
  'GTP-U with four extension headers': {
    mode: 'gtpu',
    bytes: () => [
      ...[...overUdp(2152, 2152), 0x34, 255, 0, 40, 0, 0, 0, 9, 0, 0, 0, 0x85],
      ...[1, 0, 9, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0, 0x20, 1, 0, 0, 0],
    ],
  },
  'one MPLS label': { mode: 'mpls', bytes: () => [...ethernet(0x8847), 0, 1, 1, 64] },
  'six MPLS labels': {
    mode: 'mpls',
    bytes: () => [...ethernet(0x8848), ...[0, 0, 0, 0, 0].flatMap(() => [0, 1, 0, 64]), 0, 1, 1, 64],
  },
  'MPLS over UDP': { mode: 'mpls', bytes: () => [...overUdp(6635), 0, 1, 1, 64] },
};

/** ESP from one router to the other, as it is or in UDP from and to these ports. */
export const espFrame = (spi: number, ports?: readonly [number, number]): Uint8Array => {
  const payload = [...u16(spi >>> 16), ...u16(spi & 0xffff), ...zeros(40)];
  return Uint8Array.from([...(ports ? overUdp(ports[1], ports[0]) : over(50)), ...payload]);
};
