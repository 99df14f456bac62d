/**
 * How each program that comes with the command picks a CPU, in words, and what of a packet it looks at: two packets with
 * the same key go to the same CPU, whatever else is different.
 */
import { type FiveTuple, type Packet, protocolName } from './read-packet.ts';

export interface Steering {
  /** How it picks, in a sentence. */
  readonly words: string;
  /** Whether a different number of CPUs, or another hash, would spread different keys. */
  readonly hashes: boolean;
  key(packet: Packet): string;
}

const etherTypeText = ({ etherType }: Packet): string => `EtherType 0x${etherType.toString(16).padStart(4, '0')}`;

function pair({ source, destination, protocol }: FiveTuple): string {
  return `${[source, destination].sort().join(' + ')}, ${protocolName(protocol)}`;
}

function ends(tuple: FiveTuple): string {
  const { source, destination, protocol, ports, version } = tuple;
  const end = (address: string, port: number | undefined): string =>
    port === undefined ? address : version === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  const both = [end(source, ports?.source), end(destination, ports?.destination)].sort();
  return `${both.join(' + ')}, ${protocolName(protocol)}`;
}

const flowKey = (packet: Packet): string => {
  const { inner, mac } = packet;
  if (inner === undefined) return `${[mac.source, mac.destination].sort().join(' + ')}, ${etherTypeText(packet)}`;
  return inner.spi === undefined ? ends(inner) : `${pair(inner)}, SPI 0x${inner.spi.toString(16)}`;
};

const byProtocol = ({ outer }: Packet): string => (outer === undefined ? 'not IP' : protocolName(outer.protocol));
const byPort =
  (which: 'source' | 'destination') =>
  (packet: Packet): string => {
    const { outer } = packet;
    if (outer === undefined) return etherTypeText(packet);
    return outer.ports === undefined ? `${protocolName(outer.protocol)}, no port` : `${which} port ${outer.ports[which]}`;
  };

const FIXED = 'every frame goes to the first CPU, whatever is in it';

const STEERING: Readonly<Record<string, Steering>> = {
  no_touch: { words: FIXED, hashes: false, key: () => 'everything' },
  touch_data: { words: FIXED, hashes: false, key: () => 'everything' },
  round_robin: { words: 'each frame goes to the next CPU in turn', hashes: false, key: () => 'its turn' },
  proto_separate: {
    words: 'the protocol alone: TCP to the first CPU, UDP to the second, ICMP to the third',
    hashes: false,
    key: byProtocol,
  },
  ddos_filter_pktgen: {
    words: 'the protocol alone, and UDP to port 9 is dropped: TCP to the first CPU, UDP to the second, ICMP to the third',
    hashes: false,
    key: byProtocol,
  },
  lb_hash_ip_pairs: {
    words: 'a hash of the sum of both IP addresses and of the protocol, the same in both directions; ports do not count',
    hashes: true,
    key: (packet) => (packet.outer === undefined ? etherTypeText(packet) : pair(packet.outer)),
  },
  l4_sport: { words: 'the source port of TCP or UDP', hashes: true, key: byPort('source') },
  l4_dport: { words: 'the destination port of TCP or UDP', hashes: true, key: byPort('destination') },
};

const INNER: Readonly<Record<string, string>> = {
  steer_pppoe: 'in the PPPoE session',
  steer_qinq: 'behind up to two VLAN tags',
  steer_gre: 'inside GRE',
  steer_vxlan: 'inside VXLAN',
  steer_geneve: 'inside Geneve',
  steer_gtpu: 'inside GTP-U',
  steer_mpls: 'behind the MPLS labels',
  steer_auto: 'inside the encapsulation',
};

/** Of the program of that name; one that did not come with the command is taken to look at the whole flow. */
export function steeringOf(program: string): Steering {
  const known = STEERING[program];
  if (known !== undefined) return known;
  if (program === 'steer_esp') {
    return { words: "a hash of the outer addresses and of ESP's SPI", hashes: true, key: flowKey };
  }
  const where = INNER[program];
  if (where !== undefined) {
    return { words: `a hash of the addresses, the protocol and the ports ${where}`, hashes: true, key: flowKey };
  }
  return { words: `${program} is not one of the programs that come with the command`, hashes: false, key: () => 'not known' };
}

/** A flow as it is listed: the innermost packet's ends, in its direction. */
export function flowText(packet: Packet): string {
  const { inner, mac } = packet;
  if (inner === undefined) return `${mac.source} → ${mac.destination}, ${etherTypeText(packet)}`;
  const { source, destination, ports, protocol, spi, version } = inner;
  const end = (address: string, port: number | undefined): string =>
    port === undefined ? address : version === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  const what = spi === undefined ? protocolName(protocol) : `${protocolName(protocol)}, SPI 0x${spi.toString(16)}`;
  return `${end(source, ports?.source)} → ${end(destination, ports?.destination)}, ${what}`;
}
