/** Packets for questions about GRO: every field that it looks at can be given, right or wrong. */

export interface PacketFields {
  readonly version?: 4 | 6;
  readonly protocol?: 'tcp' | 'udp';
  /** Payload bytes; what they hold follows from `seq`, so that a flow's payload can be told from another's. */
  readonly payload?: number;
  /** Tag control information of the VLAN tags, outermost first. */
  readonly vlans?: readonly number[];
  readonly source?: number;
  readonly sourcePort?: number;
  readonly destinationMac?: number;
  readonly id?: number;
  readonly df?: boolean;
  /** MF, reserved bit, offset: the other bits of that field. */
  readonly fragment?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly flowLabel?: number;
  /** Bytes of IPv4 options, of 4 each. */
  readonly ipOptions?: number;
  /** Extension headers of IPv6, by number. */
  readonly extensions?: readonly number[];
  readonly extensionFill?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly reserved?: number;
  readonly urgent?: number;
  /** TCP options, a multiple of 4 bytes. */
  readonly options?: readonly number[];
  /** Added to the right one. */
  readonly checksumError?: number;
  readonly ipChecksumError?: number;
  /** UDP without a checksum. */
  readonly noChecksum?: boolean;
  /** Added to the length of the UDP header. */
  readonly udpLengthError?: number;
  /** Bytes behind the packet. */
  readonly padding?: number;
  readonly meta?: number;
}

export const TCP = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

function sumOf(bytes: readonly number[], start = 0): number {
  let sum = start;
  bytes.forEach((byte, index) => {
    sum += index % 2 === 0 ? byte << 8 : byte;
  });
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

function transport(f: PacketFields, addresses: readonly number[]): number[] {
  const { protocol = 'tcp', payload = 100, seq = 1, sourcePort = 1000, checksumError = 0 } = f;
  const data = Array.from({ length: payload }, (_, i) => ((seq + i) * 7 + sourcePort) & 0xff);
  const options = f.options ?? [];
  const udpLength = 8 + payload + (f.udpLengthError ?? 0);
  const header =
    protocol === 'udp'
      ? [...u16(sourcePort), ...u16(2000), ...u16(udpLength), 0, 0]
      : [
          ...[...u16(sourcePort), ...u16(2000), ...u32(seq), ...u32(f.ack ?? 77)],
          ((5 + options.length / 4) << 4) | (f.reserved ?? 0),
          f.flags ?? TCP.ACK,
          ...[...u16(f.window ?? 512), 0, 0, ...u16(f.urgent ?? 0), ...options],
        ];
  const whole = [...header, ...data];
  const number = protocol === 'udp' ? 17 : 6;
  let check = ~sumOf(whole, sumOf([...addresses, ...u16(number), ...u16(whole.length)])) & 0xffff;
  if (protocol === 'udp' && check === 0) check = 0xffff;
  check = f.noChecksum ? 0 : (check + checksumError) & 0xffff;
  const at = protocol === 'udp' ? 6 : 16;
  whole.splice(at, 2, ...u16(check));
  return whole;
}

function ipv4(f: PacketFields): number[] {
  const addresses = [10, 0, 0, f.source ?? 1, 10, 0, 1, 1];
  const behind = transport(f, addresses);
  const options = new Array<number>(f.ipOptions ?? 0).fill(1);
  const header = [
    ...[0x45 + options.length / 4, f.tos ?? 0, ...u16(20 + options.length + behind.length), ...u16(f.id ?? 1)],
    ...u16((f.df === false ? 0 : 0x4000) | (f.fragment ?? 0)),
    ...[f.ttl ?? 64, f.protocol === 'udp' ? 17 : 6, 0, 0, ...addresses, ...options],
  ];
  header.splice(10, 2, ...u16((~sumOf(header) + (f.ipChecksumError ?? 0)) & 0xffff));
  return [...header, ...behind];
}

function ipv6(f: PacketFields): number[] {
  const address = (last: number): number[] => [0xfd, ...new Array<number>(14).fill(0), last];
  const addresses = [...address(f.source ?? 1), ...address(200)];
  const behind = transport(f, addresses);
  const last = f.protocol === 'udp' ? 17 : 6;
  const kinds = f.extensions ?? [];
  const extensions = kinds.flatMap((_, i) => [kinds[i + 1] ?? last, 0, 1, 4, ...u32(f.extensionFill ?? 0)]);
  const word = 0x60000000 + ((f.tos ?? 0) << 20) + (f.flowLabel ?? 0);
  const length = extensions.length + behind.length;
  return [...u32(word), ...u16(length), kinds[0] ?? last, f.ttl ?? 64, ...addresses, ...extensions, ...behind];
}

/** A frame from its Ethernet header on. */
export function buildPacket(f: PacketFields): Uint8Array {
  const { version = 4, vlans = [], padding = 0, destinationMac = 1 } = f;
  const type = version === 4 ? 0x0800 : 0x86dd;
  const tags = vlans.flatMap((tci) => [0x81, 0x00, ...u16(tci)]);
  const macs = [2, 0, 0, 0, 0, destinationMac, 2, 0, 0, 0, 0, 9];
  const packet = version === 4 ? ipv4(f) : ipv6(f);
  return Uint8Array.from([...macs, ...tags, ...u16(type), ...packet, ...new Array<number>(padding).fill(0)]);
}
