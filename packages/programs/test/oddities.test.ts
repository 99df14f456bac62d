import { ETH_P, IPPROTO } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import type { SampleProgramName } from '../src/index.ts';
import { type BenchOptions, ENGINES, inShort, load } from './support/harness.ts';
import { ethernet, frame, ipv4, ipv6, tcp, udp, udpFrame } from './support/packets.ts';

const { TCP, UDP, ICMP, ICMPV6 } = IPPROTO;
const VLAN = ETH_P['8021Q'];
const SERVICE_VLAN = ETH_P['8021AD'];

/** What both engines answer. */
function answers(name: SampleProgramName, options?: BenchOptions) {
  const sends = ENGINES.map((engine) => load(engine, name, options).send);
  return (packet: Uint8Array, length?: number): string => {
    const [first, ...others] = sends.map((send) => inShort(send(packet, undefined, length)));
    for (const other of others) expect(other).toBe(first);
    return first!;
  };
}

describe('proto_separate', () => {
  const answer = answers('proto_separate');

  it.each([
    ['TCP', TCP, 'R0'],
    ['UDP', UDP, 'R1'],
    ['ICMP', ICMP, 'R2'],
    ['ICMPv6', ICMPV6, 'R2'],
    ['GRE', 47, 'R0'],
    ['protocol 0', 0, 'R0'],
  ])('sends %s to its CPU, whichever IP carries it', (_name, protocol, verdict) => {
    expect(answer(frame(ethernet(ETH_P.IP), ipv4(protocol)))).toBe(verdict);
    expect(answer(frame(ethernet(ETH_P.IPV6), ipv6(protocol)))).toBe(verdict);
  });

  it('sends ARP and unknown EtherTypes with UDP', () => {
    expect(answer(frame(ethernet(ETH_P.ARP)))).toBe('R1');
    expect(answer(frame(ethernet(0x88cc)))).toBe('R1');
  });

  it('sends a truncated IP header as protocol 0, so not with UDP', () => {
    const four = frame(ethernet(ETH_P.IP), ipv4(UDP));
    const six = frame(ethernet(ETH_P.IPV6), ipv6(UDP));
    expect([answer(four), answer(four, 33)]).toEqual(['R1', 'R0']);
    expect([answer(six), answer(six, 53)]).toEqual(['R1', 'R0']);
  });

  it.each([
    ['one tag', [VLAN], 'R0'],
    ['two tags', [SERVICE_VLAN, VLAN], 'R0'],
    ['two tags the other way round', [VLAN, SERVICE_VLAN], 'R0'],
    ['three tags, of which it takes off two', [VLAN, VLAN, VLAN], 'R1'],
  ])('reads TCP behind %s', (_name, tags, verdict) => {
    expect(answer(frame(ethernet(ETH_P.IP, tags), ipv4(TCP)))).toBe(verdict);
  });

  it.each([
    ['without an EtherType', frame(ethernet(ETH_P.IP)), 13],
    ['with half a tag', frame(ethernet(ETH_P.IP, [VLAN])), 17],
    ['with half a second tag', frame(ethernet(ETH_P.IP, [VLAN, VLAN])), 21],
    ['with an 802.3 length', frame(ethernet(0x5ff)), 14],
  ])('passes a frame %s', (_name, packet, length) => {
    expect(answer(packet, length)).toBe('P');
  });

  it('takes an 802.3 length behind a tag for an EtherType', () => {
    expect(answer(frame(ethernet(0x100, [VLAN])))).toBe('R1');
  });
});

describe('ddos_filter_pktgen', () => {
  const answer = answers('ddos_filter_pktgen');

  it('drops UDP to port 9, and nothing else of IPv4', () => {
    expect(answer(udpFrame(1234, 9))).toBe('D');
    expect(answer(udpFrame(9, 1234))).toBe('R1');
    expect(answer(frame(ethernet(ETH_P.IP), ipv4(TCP), tcp(9, 9)))).toBe('R0');
    expect(answer(frame(ethernet(ETH_P.IP, [VLAN]), ipv4(UDP), udp(1, 9)))).toBe('D');
  });

  it('needs the whole UDP header for that', () => {
    expect([42, 41].map((length) => answer(udpFrame(1, 9), length))).toEqual(['D', 'R1']);
  });

  it('does not see the port behind IP options', () => {
    const options = [0x46, ...ipv4(UDP).slice(1), 0, 0, 0, 0];
    expect(answer(frame(ethernet(ETH_P.IP), options, udp(1, 9)))).toBe('R1');
  });

  it('does not filter IPv6', () => {
    expect(answer(frame(ethernet(ETH_P.IPV6), ipv6(UDP), udp(1, 9)))).toBe('R1');
  });

  it('drops IPv6 over which an IPv4 header to port 9 can be read', () => {
    const source = [0x20, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]; // 2011::9
    expect(answer(frame(ethernet(ETH_P.IPV6), ipv6(UDP, source)))).toBe('D');
    expect(answer(frame(ethernet(ETH_P.IPV6), ipv6(TCP, source)))).toBe('R0');
  });

  it('drops ARP from a hardware address with 17 in its second byte to one that ends with 00:09', () => {
    const arp = [0, 1, 8, 0, 6, 4, 0, 2, 0x02, 17, 0, 0, 0, 1, 10, 0, 0, 1, 0x02, 0, 0, 0, 0, 9, 10, 0, 0, 2];
    expect(answer(frame(ethernet(ETH_P.ARP), arp))).toBe('D');
  });
});

describe('lb_hash_ip_pairs', () => {
  const answer = answers('lb_hash_ip_pairs');

  it('sends what is not IP, and truncated headers, to the first CPU', () => {
    expect(answer(frame(ethernet(ETH_P.ARP)))).toBe('R0');
    expect(answer(udpFrame(), 33)).toBe('R0');
    expect(answer(frame(ethernet(ETH_P.IPV6), ipv6(TCP)), 53)).toBe('R0');
  });

  // BPF_MOD by 0 leaves the hash, which is beyond cpus_available; a hash of 0 is index 0
  it.each(ENGINES)('aborts IP while cpus_count is 0, without an issue (%s)', (engine) => {
    const { bench, send } = load(engine, 'lb_hash_ip_pairs', { cpusCount: 0 });
    expect(inShort(send(udpFrame()))).toBe('A');
    expect(inShort(send(frame(ethernet(ETH_P.ARP))))).toBe('R0');
    expect(bench.counters()).toEqual({ processed: 2n, dropped: 0n, issue: 0n });
  });
});

describe.each([
  ['l4_sport', (port: number): [number, number] => [port, 0]],
  ['l4_dport', (port: number): [number, number] => [0, port]],
] as const)('%s', (name, ports) => {
  const answer = answers(name);

  it.each([
    ['TCP over IPv4', (port: number) => frame(ethernet(ETH_P.IP), ipv4(TCP), tcp(...ports(port))), 54],
    ['UDP over IPv4', (port: number) => frame(ethernet(ETH_P.IP), ipv4(UDP), udp(...ports(port))), 42],
    ['TCP over IPv6', (port: number) => frame(ethernet(ETH_P.IPV6), ipv6(TCP), tcp(...ports(port))), 74],
    ['UDP over IPv6', (port: number) => frame(ethernet(ETH_P.IPV6), ipv6(UDP), udp(...ports(port))), 62],
  ] as const)('takes %s by its port, and a truncated header as port 0', (_kind, packet, length) => {
    expect([4, 5, 6, 7, 0xffff, 0x0102].map((port) => answer(packet(port)))).toEqual([
      'R0',
      'R1',
      'R2',
      'R3',
      'R3',
      'R2',
    ]);
    expect(packet(3).length).toBe(length);
    expect([answer(packet(3)), answer(packet(3), length - 1)]).toEqual(['R3', 'R0']);
  });

  it('takes everything else as port 0', () => {
    expect(answer(frame(ethernet(ETH_P.IP), ipv4(132), udp(...ports(3))))).toBe('R0'); // SCTP
    expect(answer(frame(ethernet(ETH_P.ARP), ipv4(UDP), udp(...ports(3))))).toBe('R0');
    expect(answer(udpFrame(...ports(3)), 20)).toBe('R0');
  });

  it('sends ports to the CPU of their number while cpus_count is 0, as modulo 0 changes nothing', () => {
    const unconfigured = answers(name, { cpusCount: 0 });
    expect(unconfigured(udpFrame(...ports(2)))).toBe('R2');
    expect(unconfigured(udpFrame(...ports(200)))).toBe('A');
  });
});
