/**
 * How each program that comes with the command picks a CPU, in words, and what of a packet it looks at: two packets with
 * the same key go to the same CPU, whatever else is different.
 */
import { type Encapsulation, type FiveTuple, type Packet, protocolName, readPacket } from './read-packet.ts';

const SCTP = 132;

export interface Steering {
  /** How it picks, in a sentence. */
  readonly words: string;
  /** Whether a different number of CPUs, or another hash, would spread different keys. */
  readonly hashes: boolean;
  key(frame: Uint8Array): string;
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

/** What a program sees that looks into these; none of them looks into one inside of another. */
const seen =
  (into: readonly Encapsulation[], read: (packet: Packet) => string) =>
  (frame: Uint8Array): string => {
    const packet = readPacket(frame, into, 1);
    return packet === undefined ? 'nothing' : read(packet);
  };

const flowKey = (packet: Packet): string => {
  const { inner, mac } = packet;
  if (inner === undefined) return `${[mac.source, mac.destination].sort().join(' + ')}, ${etherTypeText(packet)}`;
  return inner.spi === undefined ? ends(inner) : `${ends(inner)}, SPI 0x${inner.spi.toString(16)}`;
};

const byProtocol = ({ inner }: Packet): string => (inner === undefined ? 'not IP' : protocolName(inner.protocol));
const byPort =
  (which: 'source' | 'destination') =>
  (packet: Packet): string => {
    const { protocol, ports } = packet.inner ?? {};
    return ports === undefined || protocol === SCTP ? 'no port' : `${which} port ${ports[which]}`;
  };

const FIXED = 'every frame goes to the first CPU, whatever is in it';

const STEERING: Readonly<Record<string, Steering>> = {
  no_touch: { words: FIXED, hashes: false, key: () => 'everything' },
  touch_data: { words: FIXED, hashes: false, key: () => 'everything' },
  round_robin: { words: 'each frame goes to the next CPU in turn', hashes: false, key: () => 'its turn' },
  proto_separate: {
    words: 'the protocol alone: TCP to the first CPU, UDP to the second, ICMP to the third',
    hashes: false,
    key: seen([], byProtocol),
  },
  ddos_filter_pktgen: {
    words:
      'the protocol alone, and UDP to port 9 is dropped: TCP to the first CPU, UDP to the second, ICMP to the third',
    hashes: false,
    key: seen([], byProtocol),
  },
  lb_hash_ip_pairs: {
    words:
      'a hash of the sum of both IP addresses and of the protocol, the same in both directions; ports do not count',
    hashes: true,
    key: seen([], (packet) => (packet.inner === undefined ? etherTypeText(packet) : pair(packet.inner))),
  },
  l4_sport: { words: 'the source port of TCP or UDP', hashes: true, key: seen([], byPort('source')) },
  l4_dport: { words: 'the destination port of TCP or UDP', hashes: true, key: seen([], byPort('destination')) },
};

const INTO: Readonly<Record<string, readonly [where: string, into: readonly Encapsulation[]]>> = {
  steer_pppoe: ['in the PPPoE session', ['pppoe']],
  steer_qinq: ['behind up to two VLAN tags', []],
  steer_gre: ['inside GRE', ['gre']],
  steer_vxlan: ['inside VXLAN', ['vxlan']],
  steer_geneve: ['inside Geneve', ['geneve']],
  steer_gtpu: ['inside GTP-U', ['gtpu']],
  steer_mpls: ['behind the MPLS labels', ['mpls']],
  steer_auto: ['inside the encapsulation', ['pppoe', 'mpls', 'gre', 'vxlan', 'geneve', 'gtpu', 'esp']],
};

/** Of the program of that name; of one that did not come with the command nothing is known. */
export function steeringOf(program: string): Steering {
  const known = STEERING[program];
  if (known !== undefined) return known;
  if (program === 'steer_esp') {
    return { words: "a hash of the outer header and of ESP's SPI", hashes: true, key: seen(['esp'], flowKey) };
  }
  const found = INTO[program];
  if (found !== undefined) {
    const [where, into] = found;
    return {
      words: `a hash of the addresses, the protocol and the ports ${where}`,
      hashes: true,
      key: seen(into, flowKey),
    };
  }
  return {
    words: `${program} is not one of the programs that come with the command`,
    hashes: false,
    key: () => 'not known',
  };
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
