/**
 * Traffic that RSS cannot spread: many flows, and in front of each the same outer header. What is inside comes last in
 * each frame, so that a label at its end stays where it is.
 */
import { internetChecksum } from '@cpumap/nic';
import type { SteeringMode } from '@cpumap/programs';
import { ETH_HLEN, ETH_P, IPPROTO } from '@cpumap/uapi';
import { refuse } from '../settings.ts';

export type EncapsulationName = Exclude<SteeringMode, 'auto'>;

/** What varies from flow to flow, all of it inside. */
interface Flow {
  readonly flow: number;
  /** A number of the flow's own, 0 to 65535, for session ids and the like. */
  readonly id: number;
  /** From its Ethernet header on. */
  readonly inner: Uint8Array;
}

export interface Encapsulation {
  readonly name: EncapsulationName;
  /** What all frames have in common, for a person. */
  readonly description: string;
  /** Given where RSS must not see through all tags for the traffic to be what it is said to be. */
  readonly rssVlanTags?: number;
  readonly wrap: (flow: Flow) => Uint8Array;
}

type Bytes = Uint8Array | readonly number[];

const u16 = (value: number): readonly number[] => [(value >> 8) & 0xff, value & 0xff];
const u32 = (value: number): readonly number[] => [...u16(value >>> 16), ...u16(value)];

function join(...parts: readonly Bytes[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const MACS = [0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01] as const;
/** The two ends of every tunnel. */
const ENDS = [192, 0, 2, 1, 192, 0, 2, 2] as const;
const TTL = 64;
const ETH_P_PPP_SES = 0x8864;
const ETH_P_MPLS_UC = 0x8847;
const ETH_P_TEB = 0x6558;
const PPP_IP = 0x0021;
const IPPROTO_GRE = 47;
const IPPROTO_ESP = 50;
const MPLS_BOTTOM = 0x100;

const behindEthernet = (inner: Uint8Array): Uint8Array => inner.subarray(ETH_HLEN);

function overIp(protocol: number, payload: Uint8Array): Uint8Array {
  const header = join([0x45, 0], u16(20 + payload.length), [0, 0, 0x40, 0, TTL, protocol, 0, 0], ENDS);
  header.set(u16(internetChecksum(header, 0, header.length)), 10);
  return join(MACS, u16(ETH_P.IP), header, payload);
}

/** The checksum is 0, none, as these tunnels send it (RFC 6935). */
const overUdp = (port: number, payload: Uint8Array): Uint8Array =>
  overIp(IPPROTO.UDP, join(u16(port), u16(port), u16(8 + payload.length), [0, 0], payload));

export const ENCAPSULATIONS: readonly Encapsulation[] = [
  {
    name: 'pppoe',
    description: 'PPPoE sessions of one server',
    wrap({ id, inner }) {
      const ip = behindEthernet(inner);
      return join(MACS, u16(ETH_P_PPP_SES), [0x11, 0], u16(id), u16(2 + ip.length), u16(PPP_IP), ip);
    },
  },
  {
    name: 'qinq',
    description: 'customers in one service VLAN (a NIC whose RSS reads one tag)',
    rssVlanTags: 1,
    wrap: ({ id, inner }) =>
      join(
        MACS,
        u16(ETH_P['8021AD']),
        u16(200),
        u16(ETH_P['8021Q']),
        u16(1 + (id % 4094)),
        u16(ETH_P.IP),
        behindEthernet(inner),
      ),
  },
  {
    name: 'gre',
    description: 'GRE between two routers',
    wrap: ({ inner }) => overIp(IPPROTO_GRE, join([0, 0], u16(ETH_P.IP), behindEthernet(inner))),
  },
  {
    name: 'vxlan',
    description: 'VXLAN between two endpoints, one source port',
    wrap: ({ inner }) => overUdp(4789, join([8, 0, 0, 0, 0, 0, 7, 0], inner)),
  },
  {
    name: 'geneve',
    description: 'Geneve between two endpoints, one source port',
    wrap: ({ inner }) => overUdp(6081, join([0, 0], u16(ETH_P_TEB), [0, 0, 7, 0], inner)),
  },
  {
    name: 'gtpu',
    description: 'GTP-U between a base station and a gateway',
    wrap({ flow, inner }) {
      const ip = behindEthernet(inner);
      return overUdp(2152, join([0x30, 255], u16(ip.length), u32(1 + flow), ip));
    },
  },
  {
    name: 'mpls',
    description: 'one MPLS label',
    wrap: ({ inner }) => join(MACS, u16(ETH_P_MPLS_UC), u32((16 << 12) | MPLS_BOTTOM | TTL), behindEthernet(inner)),
  },
  {
    name: 'esp',
    description: 'ESP between two gateways, an SPI for each flow',
    // what is inside is opaque: the label alone
    wrap: ({ flow, id, inner }) =>
      overIp(IPPROTO_ESP, join(u32(0x1000_0000 + flow * 0x1_0000 + id), u32(1), inner.subarray(ETH_HLEN + 20))),
  },
];

/** Those of these names; all of them when there is no list. @throws KernelError EINVAL */
export function encapsulationsOf(names: readonly EncapsulationName[] | undefined): readonly Encapsulation[] {
  if (names === undefined) return ENCAPSULATIONS;
  const known = ENCAPSULATIONS.map(({ name }) => name).join(', ');
  if (names.length === 0) refuse('imbalance', `encapsulations is empty: there are ${known}`);
  return names.map(
    (wanted) =>
      ENCAPSULATIONS.find(({ name }) => name === wanted) ??
      refuse('imbalance', `no encapsulation '${wanted}': there are ${known}`),
  );
}
