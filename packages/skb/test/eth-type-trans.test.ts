/** What the stack learns from the Ethernet header, by the rules of eth_type_trans. */
import { ETH_P, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { attachEthTypeTrans } from '../src/eth-type-trans.ts';
import { etherFrame, OWN_MAC, receiver } from './support/receiver.ts';

const world = receiver();
const eth = attachEthTypeTrans(world.memory);
const PLACE = world.alloc();

/** Puts the frame `offset` bytes behind a multiple of 64, with other bytes all around it. */
function place(bytes: Uint8Array, offset = 0): number {
  world.memory.u8.fill(0xa5, PLACE, PLACE + 2048);
  world.memory.u8.set(bytes, PLACE + 256 + offset);
  return PLACE + 256 + offset;
}

describe('pkt_type', () => {
  const differs = (byte: number, bit: number) => OWN_MAC.map((value, i) => (i === byte ? value ^ bit : value));
  const CASES: [string, Iterable<number>, number][] = [
    ['own address', OWN_MAC, PACKET_HOST],
    ['broadcast', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], PACKET_BROADCAST],
    ['IPv4 multicast', [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01], PACKET_MULTICAST],
    ['IPv6 multicast', [0x33, 0x33, 0xff, 0xff, 0xff, 0xff], PACKET_MULTICAST],
    ['all ones but one bit of the last byte', [0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], PACKET_MULTICAST],
    ['all ones but one bit of the third byte', [0xff, 0xff, 0x7f, 0xff, 0xff, 0xff], PACKET_MULTICAST],
    ['all ones but the group bit', [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff], PACKET_OTHERHOST],
    ['zero', [0, 0, 0, 0, 0, 0], PACKET_OTHERHOST],
    ['own address with the group bit', differs(0, 0x01), PACKET_MULTICAST],
    ...[0, 1, 2, 3, 4, 5].map((byte): [string, Iterable<number>, number] => [
      `own address, another byte ${byte}`,
      differs(byte, 0x80),
      PACKET_OTHERHOST,
    ]),
  ];
  const ALIGNED = CASES.flatMap(([name, address, type]) =>
    [0, 1, 2, 3].map((at) => [name, at, address, type] as const),
  );

  it.each(ALIGNED)('%s, data at 4n+%i', (_, offset, address, type) => {
    expect(eth.pktType(place(etherFrame(60, 0x0800, address), offset), world.dev)).toBe(type);
  });
});

describe('protocol', () => {
  /** A frame of `length` bytes whose two bytes behind the Ethernet header are `behind`. */
  const frame = (type: number, behind: number, length = 60): Uint8Array => {
    const bytes = etherFrame(60, type);
    bytes.set([behind >> 8, behind & 0xff], 14);
    return bytes.subarray(0, length);
  };

  it.each([
    ['IPv4', 0x0800, ETH_P.IP],
    ['IPv6', 0x86dd, ETH_P.IPV6],
    ['ARP', 0x0806, ETH_P.ARP],
    ['VLAN', 0x8100, ETH_P['8021Q']],
    ['the lowest EtherType', 0x0600, 0x0600],
    ['the highest', 0xffff, 0xffff],
  ])('%s is its EtherType, whatever follows', (_, type, protocol) => {
    for (const offset of [0, 1, 2, 3]) {
      const data = place(frame(type, 0xffff), offset);
      expect(eth.protocol(data, 60)).toBe(protocol);
    }
  });

  it.each([
    ['a length with an LLC header (STP)', 0x0026, 0x4242, 60, ETH_P['802_2']],
    ['the longest length', 0x05ff, 0x4242, 60, ETH_P['802_2']],
    ['length zero', 0x0000, 0x4242, 60, ETH_P['802_2']],
    ["Novell's raw 802.3", 0x0026, 0xffff, 60, ETH_P['802_3']],
    ['raw 802.3 in the shortest frame that can show it', 0x0002, 0xffff, 16, ETH_P['802_3']],
    ['ones behind the end of the frame', 0x0001, 0xffff, 15, ETH_P['802_2']],
    ['ones behind a bare header', 0x0000, 0xffff, 14, ETH_P['802_2']],
    ['half of the ones', 0x0026, 0xff00, 60, ETH_P['802_2']],
    ['the other half', 0x0026, 0x00ff, 60, ETH_P['802_2']],
  ])('%s', (_, type, behind, length, protocol) => {
    expect(eth.protocol(place(frame(type, behind)), length)).toBe(protocol);
  });
});
