/** What sampled frames say: flows, encapsulations, what the programs look at, and the conclusions. */
import { describe, expect, it } from 'vitest';
import { conclude } from '../src/flows/conclude.ts';
import { createFlowWatch, primeFrom } from '../src/flows/flow-watch.ts';
import { ipText } from '../src/flows/ip-text.ts';
import { readPacket } from '../src/flows/read-packet.ts';
import { flowText, steeringOf } from '../src/flows/steering-words.ts';
import { fakeSource } from './support/fake-source.ts';
import { bytes, ip, MAC, udp } from './support/frames.ts';

const plain = `${MAC} 0800 ${ip(17, 1, 2, udp(1000, 53))}`;
const tagged = `${MAC} 8100 0005 0800 ${ip(17, 1, 2, udp(1000, 53))}`;
const inner = ip(6, 7, 8, '0400 0050 00000000');
const innerText = '10.0.0.7:1024 → 10.0.0.8:80, TCP';

describe('a packet', () => {
  it.each([
    ['plain', `${MAC} 0800 ${inner}`, '', innerText],
    ['VLAN twice', `${MAC} 88a8 0064 8100 0007 0800 ${inner}`, 'VLAN 100, VLAN 7', innerText],
    ['PPPoE', `${MAC} 8864 1100 0012 0000 0021 ${inner}`, 'PPPoE session 18', innerText],
    ['MPLS', `${MAC} 8847 0006 4040 0000 1140 ${inner}`, 'MPLS 100, MPLS 1', innerText],
    ['GRE', `${MAC} 0800 ${ip(47, 1, 2, `2000 0800 00000005 ${inner}`)}`, 'GRE', innerText],
    [
      'VXLAN',
      `${MAC} 0800 ${ip(17, 1, 2, udp(5, 4789, `08000000 00002a00 ${MAC} 0800 ${inner}`))}`,
      'VXLAN 42',
      innerText,
    ],
    [
      'Geneve',
      `${MAC} 0800 ${ip(17, 1, 2, udp(5, 6081, `0100 6558 00002b00 00000000 ${MAC} 0800 ${inner}`))}`,
      'Geneve 43',
      innerText,
    ],
    ['GTP-U', `${MAC} 0800 ${ip(17, 1, 2, udp(5, 2152, `30ff0000 00000309 ${inner}`))}`, 'GTP-U 777', innerText],
    [
      'GTP-U with extension',
      `${MAC} 0800 ${ip(17, 1, 2, udp(5, 2152, `34ff0000 00000309 00000085 01000000 ${inner}`))}`,
      'GTP-U 777',
      innerText,
    ],
    ['IP in IP', `${MAC} 0800 ${ip(4, 1, 2, inner)}`, 'IP in IP', innerText],
    ['ESP', `${MAC} 0800 ${ip(50, 1, 2, '0000abcd')}`, '', '10.0.0.1 → 10.0.0.2, ESP, SPI 0xabcd'],
    [
      'ESP in UDP',
      `${MAC} 0800 ${ip(17, 1, 2, udp(4500, 4500, '0000abcd'))}`,
      'ESP in UDP',
      '10.0.0.1:4500 → 10.0.0.2:4500, UDP, SPI 0xabcd',
    ],
    ['fragment', `${MAC} 0800 ${ip(17, 1, 2, udp(5, 2152), '00b9')}`, '', '10.0.0.1 → 10.0.0.2, UDP'],
    ['ARP', `${MAC} 0806 0001`, '', '02:00:00:00:00:02 → 02:00:00:00:00:01, EtherType 0x0806'],
    ['cut off', `${MAC} 0800 ${ip(17, 1, 2, udp(5, 4789, '0800'))}`, '', '10.0.0.1:5 → 10.0.0.2:4789, UDP'],
    [
      'IPv6',
      `${MAC} 86dd 60000000 0008 11 40 ${'0'.repeat(31)}1 ${'0'.repeat(31)}2 ${udp(1, 2)}`,
      '',
      '[::1]:1 → [::2]:2, UDP',
    ],
  ])('%s', (_, hex, encapsulation, text) => {
    const packet = readPacket(bytes(hex))!;
    expect(packet.encapsulation.join(', ')).toBe(encapsulation);
    expect(flowText(packet)).toBe(text);
  });

  it('of any length is read as far as it goes', () => {
    const whole = bytes(
      `${MAC} 8100 0064 0800 ${ip(17, 1, 2, udp(5, 2152, `34ff0000 00000309 00000085 01000000 ${inner}`))}`,
    );
    for (let length = 0; length <= whole.length; length++) {
      expect(readPacket(whole.subarray(0, length)) === undefined).toBe(length < 14);
    }
  });

  it.each([
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['00000000000000000000000000000000', '::'],
    ['20010db8000100000000000100000001', '2001:db8:1::1:0:1'],
    ['00010002000300040005000600070008', '1:2:3:4:5:6:7:8'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00010000000300040005000600070008', '1:0:3:4:5:6:7:8'],
  ])('%s is %s', (hex, text) => {
    expect(ipText(bytes(hex))).toBe(text);
  });
});

describe('what a program looks at', () => {
  const vxlan = bytes(`${MAC} 0800 ${ip(17, 1, 2, udp(5, 4789, `08000000 00002a00 ${MAC} 0800 ${inner}`))}`);
  it.each([
    ['no_touch', 'everything'],
    ['round_robin', 'its turn'],
    ['proto_separate', 'UDP'],
    ['lb_hash_ip_pairs', '10.0.0.1 + 10.0.0.2, UDP'],
    ['l4_sport', 'source port 5'],
    ['l4_dport', 'destination port 4789'],
    ['steer_gre', '10.0.0.1:5 + 10.0.0.2:4789, UDP'],
    ['steer_vxlan', '10.0.0.7:1024 + 10.0.0.8:80, TCP'],
    ['mine', 'not known'],
  ])('%s: %s', (program, key) => {
    expect(steeringOf(program).key(vxlan)).toBe(key);
  });

  it('is the same in both directions where the program says so', () => {
    const there = bytes(`${MAC} 0800 ${ip(17, 1, 2, udp(5, 6))}`);
    const back = bytes(`${MAC} 0800 ${ip(17, 2, 1, udp(6, 5))}`);
    for (const program of ['lb_hash_ip_pairs', 'steer_auto']) {
      expect(steeringOf(program).key(there)).toBe(steeringOf(program).key(back));
    }
  });
});

describe('conclusions', () => {
  const flow = (samples: number, key: string, encapsulation = '') => ({
    flow: `${samples}`,
    encapsulation,
    key,
    samples,
  });
  const base = { cpu: 1, role: 'remote' as const, on: true, all: 1000, program: 'lb_hash_ip_pairs', hashes: true };
  it.each([
    ['an elephant', [flow(62, 'a'), flow(38, 'b')], {}, /One flow is 62 % of this CPU's frames: no hash can split it/],
    [
      'a shared key',
      [flow(30, 'a'), flow(30, 'a'), flow(40, 'b')],
      {},
      /2 of 3 flows are one to this program: they share "a"/,
    ],
    [
      'a tunnel',
      [flow(30, 'a', 'GRE'), flow(30, 'a', 'GRE'), flow(40, 'b')],
      {},
      /the program auto hashes what is inside/,
    ],
    ['bad luck', [flow(35, 'a'), flow(35, 'b'), flow(30, 'c')], {}, /another hash or more CPUs would spread them/],
    ['no hash', [flow(100, 'everything')], { program: 'no_touch', hashes: false }, /sends everything to the first CPU/],
    ['one protocol', [flow(100, 'UDP')], { program: 'proto_separate', hashes: false }, /All UDP goes to one CPU/],
    ['an RX queue', [flow(100, 'a')], { role: 'rx' as const }, /RSS gives a flow to one queue/],
    ['few samples', [flow(9, 'a')], { samples: 9 }, /too few to be sure/],
    ['nothing', [], { samples: 0 }, /No sampled frame was redirected to CPU 1/],
    ['nothing asked', [], { samples: 0, on: false }, /Sampling is off/],
  ])('%s', (_, flows, more, expected) => {
    expect(conclude({ ...base, samples: 100, flows, ...more }).join('\n')).toMatch(expected);
  });
});

describe('watching flows', () => {
  it('starts, counts, reports and stops', async () => {
    const source = fakeSource();
    const watch = createFlowWatch(source.sampler!);
    expect(watch.state()).toMatchObject({ on: false, every: 997 });
    await watch.set(64);
    expect(watch.state()).toMatchObject({ on: true, every: 67 });
    source.samples = [
      ...Array.from({ length: 60 }, () => ({ cpu: 0, to: 1, bytes: bytes(plain) })),
      ...Array.from({ length: 20 }, () => ({ cpu: 0, to: 1, bytes: bytes(tagged) })),
      ...Array.from({ length: 20 }, () => ({ cpu: 0, to: 2, bytes: bytes(plain) })),
    ];
    const report = watch.report(1, 'remote', source.topology());
    expect(report).toMatchObject({ samples: 80, share: 0.8, flowCount: 2, lost: 0 });
    expect(report.flows.map(({ share, encapsulation }) => [share, encapsulation])).toEqual([
      [0.75, ''],
      [0.25, 'VLAN 5'],
    ]);
    expect(report.flows[0]!.steeredBy).toBe('10.0.0.1 + 10.0.0.2, UDP');
    expect(watch.report(0, 'rx', source.topology()).samples).toBe(100);
    expect(watch.report(9, 'remote', source.topology())).toMatchObject({ samples: 0, share: 0, flows: [] });
    await watch.set(false);
    await watch.close();
    expect(source.asked).toEqual(['start 67', 'stop']);
  });

  it.each([0, -1, 1.5, 1e7, '64', null, true, {}])('takes no %j', async (value) => {
    await expect(createFlowWatch(fakeSource().sampler!).set(value)).rejects.toThrow('every Nth frame');
  });

  it('has a prime distance, which no traffic that comes in turns hides behind', () => {
    expect([1, 2, 3, 4, 64, 997, 998, 1000].map(primeFrom)).toEqual([1, 2, 3, 5, 67, 997, 1009, 1009]);
  });
});
