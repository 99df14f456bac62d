/** Sequences of packets that each ask one question about GRO, and random ones. */
import { buildPacket, type PacketFields, TCP } from './build-packet.ts';
import type { GroFrame } from './sequence.ts';

export interface GroCase {
  readonly name: string;
  readonly udpForwarding?: boolean;
  readonly packets: readonly PacketFields[];
}

export function framesOf({ packets }: GroCase): GroFrame[] {
  return packets.map((fields) => ({ bytes: buildPacket(fields), meta: fields.meta ?? 0 }));
}

type Change = (index: number) => PacketFields;

/** `count` segments of one connection, one behind the other; `change` says what is different about one. */
function segments(count: number, change: Change = () => ({}), payload = 100): PacketFields[] {
  let seq = 1000;
  return Array.from({ length: count }, (_, index) => {
    const fields = { payload, id: index + 1, seq, ...change(index) };
    seq += fields.payload;
    return fields;
  });
}

function datagrams(count: number, change: Change = () => ({}), payload = 100): PacketFields[] {
  return segments(count, (index) => ({ protocol: 'udp', ...change(index) }), payload);
}

const third =
  (fields: PacketFields): Change =>
  (index) =>
    index === 2 ? fields : {};
const all =
  (fields: PacketFields): Change =>
  () =>
    fields;
const tcp = (name: string, packets: readonly PacketFields[]): GroCase => ({ name: `tcp: ${name}`, packets });
const udp = (name: string, packets: readonly PacketFields[]): GroCase => ({
  name: `udp: ${name}`,
  packets,
  udpForwarding: true,
});
const TIMESTAMP = (value: number): number[] => [1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, 7];

/** Two connections, taken in turns. */
function interleaved(
  of: (count: number, change?: Change) => PacketFields[],
  flows: number,
  each: number,
): PacketFields[] {
  const lists = Array.from({ length: flows }, (_, flow) => of(each, all({ sourcePort: 1000 + flow })));
  return Array.from({ length: flows * each }, (_, i) => lists[i % flows]![Math.floor(i / flows)]!);
}

export const GRO_CASES: readonly GroCase[] = [
  tcp('in order', segments(5)),
  tcp('one', segments(1)),
  tcp('eighteen: all frags', segments(18)),
  tcp('nineteen: a frag_list begins', segments(19)),
  tcp('forty', segments(40)),
  tcp('up to 64 KiB', segments(64, undefined, 1448)),
  tcp('IPv6 up to 64 KiB', segments(64, all({ version: 6 }), 1428)),
  tcp('a gap', segments(6, third({ seq: 5000 }))),
  tcp('a duplicate', [...segments(3), ...segments(3)]),
  tcp('backwards', segments(4).reverse()),
  tcp(
    'a short last one',
    segments(5, (i) => (i === 4 ? { payload: 30 } : {})),
  ),
  tcp('a short one between', segments(6, third({ payload: 30 }))),
  tcp('a longer one', segments(6, third({ payload: 200 }))),
  tcp('a pure ACK between', segments(6, third({ payload: 0 }))),
  tcp('pure ACKs', segments(4, all({ payload: 0 }))),
  ...Object.entries(TCP)
    .filter(([name]) => name !== 'ACK')
    .map(([name, flag]) => tcp(`${name} in the third`, segments(6, third({ flags: TCP.ACK | flag })))),
  tcp('CWR in all', segments(4, all({ flags: TCP.ACK | TCP.CWR }))),
  tcp(
    'CWR in the first',
    segments(4, (i) => (i === 0 ? { flags: TCP.ACK | TCP.CWR } : {})),
  ),
  tcp('ECE in all', segments(4, all({ flags: TCP.ACK | TCP.ECE }))),
  tcp('a reserved bit in all', segments(4, all({ reserved: 1 }))),
  tcp(
    'PSH in the first',
    segments(4, (i) => (i === 0 ? { flags: TCP.ACK | TCP.PSH } : {})),
  ),
  tcp(
    'FIN and PSH in the last',
    segments(4, (i) => (i === 3 ? { flags: TCP.ACK | TCP.PSH | TCP.FIN } : {})),
  ),
  tcp('another window', segments(6, third({ window: 513 }))),
  tcp('another acknowledgement', segments(6, third({ ack: 78 }))),
  tcp('another urgent pointer', segments(6, third({ urgent: 5 }))),
  tcp('timestamps, equal', segments(5, all({ options: TIMESTAMP(1) }))),
  tcp(
    'timestamps, one differs',
    segments(6, (i) => ({ options: TIMESTAMP(i === 2 ? 2 : 1) })),
  ),
  tcp('options in one', segments(6, third({ options: TIMESTAMP(1) }))),
  tcp('a wrong checksum', segments(6, third({ checksumError: 1 }))),
  tcp(
    'a wrong checksum first',
    segments(4, (i) => (i === 0 ? { checksumError: 1 } : {})),
  ),
  tcp('a wrong IP checksum', segments(6, third({ ipChecksumError: 1 }))),
  tcp('another TTL', segments(6, third({ ttl: 63 }))),
  tcp('another TOS', segments(6, third({ tos: 4 }))),
  tcp('one id for all, DF', segments(5, all({ id: 9 }))),
  tcp('one id for all, no DF', segments(5, all({ id: 9, df: false }))),
  tcp('ids that count, no DF', segments(5, all({ df: false }))),
  tcp(
    'ids that count, then stay',
    segments(6, (i) => ({ id: Math.min(i, 3) })),
  ),
  tcp(
    'an id is left out',
    segments(6, (i) => ({ id: i < 3 ? i : i + 1 })),
  ),
  tcp(
    'ids that wrap',
    segments(5, (i) => ({ id: (0xfffe + i) & 0xffff })),
  ),
  tcp('ids of zero, no DF', segments(5, all({ id: 0, df: false }))),
  tcp(
    'DF in one alone',
    segments(6, (i) => ({ df: i === 2 })),
  ),
  tcp('a fragment', segments(6, third({ fragment: 0x2000 }))),
  tcp('a reserved bit of IP', segments(6, third({ fragment: 0x8000 }))),
  tcp('IP options', segments(5, all({ ipOptions: 4 }))),
  tcp('padding', segments(6, third({ padding: 4 }))),
  tcp('small and padded', segments(3, all({ payload: 1, padding: 5 }))),
  tcp('two connections', interleaved(segments, 2, 5)),
  tcp('eight connections', interleaved(segments, 8, 4)),
  tcp('nine connections', interleaved(segments, 9, 4)),
  tcp('twelve connections', interleaved(segments, 12, 3)),
  tcp('another source', segments(6, third({ source: 2 }))),
  tcp('another MAC', segments(6, third({ destinationMac: 2 }))),
  tcp(
    'seq wraps',
    segments(5, (i) => ({ seq: (0xffffff80 + i * 100) >>> 0 })),
  ),
  tcp('VLAN', segments(5, all({ vlans: [5] }))),
  tcp(
    'VLAN, another in the third',
    segments(6, (i) => ({ vlans: [i === 2 ? 6 : 5] })),
  ),
  tcp('two VLAN tags', segments(5, all({ vlans: [5, 7] }))),
  tcp('VLAN, IPv6', segments(5, all({ vlans: [5], version: 6 }))),
  tcp('IPv6', segments(5, all({ version: 6 }))),
  tcp(
    'IPv6, another traffic class',
    segments(6, (i) => ({ version: 6, tos: i === 2 ? 4 : 0 })),
  ),
  tcp(
    'IPv6, another flow label',
    segments(6, (i) => ({ version: 6, flowLabel: i === 2 ? 4 : 0 })),
  ),
  tcp(
    'IPv6, another hop limit',
    segments(6, (i) => ({ version: 6, ttl: i === 2 ? 63 : 64 })),
  ),
  tcp('IPv6, hop by hop', segments(5, all({ version: 6, extensions: [0] }))),
  tcp('IPv6, destination options', segments(5, all({ version: 6, extensions: [60] }))),
  tcp(
    'IPv6, two extensions, one differs',
    segments(6, (i) => ({ version: 6, extensions: [0, 60], extensionFill: i === 2 ? 9 : 0 })),
  ),
  tcp(
    'IPv6, padding',
    segments(6, (i) => ({ version: 6, padding: i === 2 ? 4 : 0 })),
  ),
  tcp(
    'IPv6, wrong checksum',
    segments(6, (i) => ({ version: 6, checksumError: i === 2 ? 4 : 0 })),
  ),
  tcp('metadata, equal', segments(5, all({ meta: 5 }))),
  tcp(
    'metadata, different',
    segments(5, (i) => ({ meta: 5 + i })),
  ),
  tcp('metadata in one', segments(6, third({ meta: 5 }))),
  { name: 'udp: without the feature', packets: datagrams(5) },
  udp('equal lengths', datagrams(5)),
  udp('sixty-four', datagrams(64, undefined, 40)),
  udp('up to 64 KiB', datagrams(64, undefined, 1400)),
  udp(
    'a short last one',
    datagrams(5, (i) => (i === 4 ? { payload: 30 } : {})),
  ),
  udp('a short one between', datagrams(6, third({ payload: 30 }))),
  udp('a longer one', datagrams(6, third({ payload: 200 }))),
  udp('no checksum', datagrams(6, all({ noChecksum: true }))),
  udp('no checksum in one', datagrams(6, third({ noChecksum: true }))),
  udp('a wrong checksum', datagrams(6, third({ checksumError: 1 }))),
  udp('a wrong length', datagrams(6, third({ udpLengthError: -1 }))),
  udp('empty', datagrams(6, third({ payload: 0 }))),
  udp('padding', datagrams(6, third({ padding: 3 }))),
  udp('another TTL', datagrams(6, third({ ttl: 3 }))),
  udp('ids of zero', datagrams(5, all({ id: 0 }))),
  udp('ids of zero, no DF', datagrams(5, all({ id: 0, df: false }))),
  udp('IPv6', datagrams(5, all({ version: 6 }))),
  udp('IPv6, no checksum', datagrams(5, all({ version: 6, noChecksum: true }))),
  udp('VLAN', datagrams(5, all({ vlans: [5] }))),
  udp('two flows', interleaved(datagrams, 2, 5)),
  udp('twelve flows', interleaved(datagrams, 12, 3)),
  udp(
    'and TCP of the same ports',
    segments(6, (i) => ({ protocol: i % 2 === 0 ? 'tcp' : 'udp', seq: 1000 + (i >> 1) * 100 })),
  ),
];

/** mulberry32 */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const ODD: readonly ((random: (below: number) => number) => PacketFields)[] = [
  () => ({ flags: TCP.ACK | TCP.PSH }),
  () => ({ flags: TCP.ACK | TCP.FIN }),
  (random) => ({ flags: random(256) }),
  () => ({ checksumError: 1 }),
  (random) => ({ window: 512 + random(2) }),
  (random) => ({ ttl: 63 + random(2) }),
  (random) => ({ tos: random(2) }),
  (random) => ({ id: random(4) }),
  () => ({ df: false }),
  (random) => ({ payload: random(200) }),
  (random) => ({ seq: 1000 + random(10) * 100 }),
  (random) => ({ padding: random(6) }),
  (random) => ({ options: TIMESTAMP(random(2)) }),
  (random) => ({ flowLabel: random(2), extensions: random(2) === 0 ? [] : [60] }),
  (random) => ({ meta: random(3) }),
  (random) => ({ vlans: random(2) === 0 ? [] : [random(2)] }),
  (random) => ({ noChecksum: random(2) === 0, udpLengthError: random(2) }),
];

/** Flows of a few kinds, taken at random, most packets in order and a few odd. */
export function randomGroCase(seed: number): GroCase {
  const random = randomOf(seed);
  const flows = Array.from({ length: 1 + random(random(4) === 0 ? 12 : 3) }, (_, i) => {
    const base: PacketFields = {
      version: random(3) === 0 ? 6 : 4,
      protocol: random(3) === 0 ? 'udp' : 'tcp',
      sourcePort: 1000 + i,
      payload: [40, 100, 100, 1400][random(4)]!,
      vlans: random(5) === 0 ? [random(3)] : [],
    };
    const countsIds = random(3) !== 0;
    return { base, countsIds, seq: random(2) === 0 ? 1000 : 0xfffff000, id: random(100) };
  });
  const oddity = 4 + random(20);
  const packets = Array.from({ length: 2 + random(62) }, (): PacketFields => {
    const flow = flows[random(flows.length)]!;
    const odd = random(oddity) === 0 ? ODD[random(ODD.length)]!(random) : {};
    const fields = { ...flow.base, seq: flow.seq, id: flow.id & 0xffff, ...odd };
    flow.seq = (fields.seq + fields.payload!) >>> 0;
    if (flow.countsIds) flow.id++;
    return fields;
  });
  return { name: `seed ${seed}`, packets, udpForwarding: random(2) === 0 };
}
