import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFrame, frameHeaderLength } from '../../src/frames/build-frame.ts';
import { checksumAdd, checksumFold, internetChecksum } from '../../src/frames/checksum.ts';
import type { FrameSpec, Ipv4Spec, Ipv6Spec } from '../../src/frames/frame-spec.ts';
import { TCP_FLAG } from '../../src/frames/frame-spec.ts';

const V4: Ipv4Spec = { version: 4, source: '192.0.2.1', destination: '198.51.100.2' };
const V6: Ipv6Spec = { version: 6, source: '2001:db8::1', destination: '2001:db8::2' };
const UDP = { protocol: 'udp', sourcePort: 4660, destinationPort: 9 } as const;
const SIMPLE: FrameSpec = { network: V4, transport: UDP };

describe('buildFrame', () => {
  // tshark 4.0.17 and tcpdump 4.99.3 find every length and checksum in these good
  it.each<[string, FrameSpec, string[]]>([
    [
      'UDP over IPv4',
      { ...SIMPLE, payload: Uint8Array.of(1, 2, 3) },
      [
        ...['020000000002', '020000000001', '0800'],
        ...['4500001f', '00004000', '40114e97', 'c0000201', 'c6336402'],
        ...['12340009', '000bfd61', '010203'],
      ],
    ],
    [
      'TCP over IPv4 with one tag and every field set',
      {
        vlans: [{ id: 7, priority: 5, dropEligible: true }],
        network: { ...V4, ttl: 1, trafficClass: 0xb8, identification: 77, dontFragment: false },
        transport: {
          protocol: 'tcp',
          sourcePort: 80,
          destinationPort: 65_535,
          sequence: 4_000_000_000,
          acknowledgement: 5,
          flags: TCP_FLAG.syn | TCP_FLAG.ack,
          window: 1024,
        },
      },
      [
        ...['020000000002', '020000000001', '8100b007', '0800'],
        ...['45b80028', '004d0000', '0106cc94', 'c0000201', 'c6336402'],
        ...['0050ffff', 'ee6b2800', '00000005', '50120400', 'a8da0000'],
      ],
    ],
    [
      'ICMP over IPv6 with two tags, and a length',
      {
        vlans: [{ id: 100 }, { id: 4094 }],
        network: { ...V6, hopLimit: 255, trafficClass: 0xab, flowLabel: 0xcdef1 },
        transport: { protocol: 'icmp', identifier: 0x1234, sequence: 7 },
        length: 72,
      },
      [
        ...['020000000002', '020000000001', '88a80064', '81000ffe', '86dd'],
        ...['6abcdef1', '000a3aff', '20010db8000000000000000000000001', '20010db8000000000000000000000002'],
        ...['8000120b', '12340007', '0000'],
      ],
    ],
    [
      'an echo reply over IPv4, from and to given addresses',
      {
        sourceMac: '00:11:22:33:44:55',
        destinationMac: new Uint8Array(6).fill(255),
        network: V4,
        transport: { protocol: 'icmp', type: 0 },
      },
      [
        ...['ffffffffffff', '001122334455', '0800'],
        ...['4500001c', '00004000', '40014eaa', 'c0000201', 'c6336402', '0000ffff', '00000000'],
      ],
    ],
    [
      'UDP over IPv6',
      { network: V6, transport: { protocol: 'udp', sourcePort: 1, destinationPort: 2 } },
      [
        ...['020000000002', '020000000001', '86dd'],
        ...['60000000', '00081140', '20010db8000000000000000000000001', '20010db8000000000000000000000002'],
        ...['00010002', '0008a466'],
      ],
    ],
  ])('%s', (_, spec, expected) => {
    expect(Buffer.from(buildFrame(spec)).toString('hex')).toBe(expected.join(''));
  });

  it('gives every frame the length that was asked for, and checksums that a receiver finds right', () => {
    const port = fc.nat({ max: 65_535 });
    const spec = fc.record({
      vlans: fc.array(fc.record({ id: fc.nat({ max: 4094 }) }), { maxLength: 2 }),
      network: fc.oneof(
        fc
          .uint8Array({ minLength: 8, maxLength: 8 })
          .map((both): Ipv4Spec => ({ version: 4, source: both.subarray(0, 4), destination: both.subarray(4) })),
        fc
          .uint8Array({ minLength: 32, maxLength: 32 })
          .map((both): Ipv6Spec => ({ version: 6, source: both.subarray(0, 16), destination: both.subarray(16) })),
      ),
      transport: fc.oneof(
        fc.record({ protocol: fc.constant('udp' as const), sourcePort: port, destinationPort: port }),
        fc.record({ protocol: fc.constant('tcp' as const), sourcePort: port, destinationPort: port }),
        fc.record({ protocol: fc.constant('icmp' as const), identifier: port, sequence: port }),
      ),
      payload: fc.uint8Array({ maxLength: 40 }),
      extra: fc.nat({ max: 40 }),
    });
    fc.assert(
      fc.property(spec, ({ extra, ...frame }) => {
        const { vlans, network, transport, payload } = frame;
        const headers = frameHeaderLength({
          vlans: vlans.length,
          version: network.version,
          protocol: transport.protocol,
        });
        const length = headers + payload.length + extra;
        const bytes = buildFrame({ ...frame, length });
        expect(bytes).toHaveLength(length);
        expect(bytes.subarray(headers, headers + payload.length)).toEqual(payload);
        expect(bytes.subarray(headers + payload.length).every((byte) => byte === 0)).toBe(true);
        const network0 = 14 + 4 * vlans.length;
        const transport0 = network0 + (network.version === 4 ? 20 : 40);
        const view = new DataView(bytes.buffer);
        if (network.version === 4) {
          expect(internetChecksum(bytes, network0, network0 + 20)).toBe(0);
          expect(view.getUint16(network0 + 2)).toBe(length - network0);
        } else {
          expect(view.getUint16(network0 + 4)).toBe(length - transport0);
        }
        expect(transportSum(bytes, network0, transport0, network.version)).toBe(0);
        if (transport.protocol === 'udp') {
          expect(view.getUint16(transport0 + 4)).toBe(length - transport0);
          expect(view.getUint16(transport0 + 6)).not.toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never sends a UDP checksum of 0, which would mean none', () => {
    const at = 14 + 20 + 6;
    const once = buildFrame({ ...SIMPLE, payload: new Uint8Array(2) });
    // the word that makes the sum all ones, and its complement zero
    const frame = buildFrame({ ...SIMPLE, payload: once.slice(at, at + 2) });
    expect([frame[at], frame[at + 1]]).toEqual([0xff, 0xff]);
    expect(transportSum(frame, 14, 34, 4)).toBe(0);
  });

  it.each<[string, Partial<FrameSpec>, string]>([
    ['three tags', { vlans: [{ id: 1 }, { id: 2 }, { id: 3 }] }, 'vlans has 3 tags, at most 2 are possible'],
    ['a tag out of range', { vlans: [{ id: 4095 }] }, 'vlans[0].id must be an integer from 0 to 4094, not 4095'],
    ['a priority', { vlans: [{ id: 1, priority: 8 }] }, 'vlans[0].priority must be an integer from 0 to 7, not 8'],
    ['less than the headers', { length: 41 }, 'length is 41, headers and payload take 42'],
    ['less than the payload', { length: 59, payload: new Uint8Array(18) }, 'length is 59, headers and payload take 60'],
    ['half a byte', { length: 60.5 }, 'length is 60.5, headers and payload take 42'],
    ['too much for IPv4', { length: 14 + 65_536 }, 'length is 65550, an IP packet cannot be that long'],
    ['too much for IPv6', { network: V6, length: 54 + 65_536 }, 'length is 65590, an IP packet cannot be that long'],
    [
      'a port',
      { transport: { ...UDP, sourcePort: -1 } },
      'transport.sourcePort must be an integer from 0 to 65535, not -1',
    ],
    ['a time to live', { network: { ...V4, ttl: 256 } }, 'network.ttl must be an integer from 0 to 255, not 256'],
    [
      'a flow label',
      { network: { ...V6, flowLabel: 2 ** 20 } },
      'network.flowLabel must be an integer from 0 to 1048575',
    ],
    ['an address', { network: { ...V4, source: '::1' } }, "network.source: '::1' is not an IPv4 address"],
    ['a MAC address', { sourceMac: 'eth0' }, "sourceMac: 'eth0' is not an Ethernet address"],
  ])('refuses %s', (_, change, message) => {
    expect(() => buildFrame({ ...SIMPLE, ...change })).toThrow(RangeError);
    expect(() => buildFrame({ ...SIMPLE, ...change })).toThrow(message);
  });

  it('goes as far as an IP packet can', () => {
    expect(buildFrame({ ...SIMPLE, length: 14 + 65_535 })).toHaveLength(65_549);
    expect(buildFrame({ ...SIMPLE, network: V6, length: 54 + 65_535 })).toHaveLength(65_589);
  });
});

/** What a receiver computes over pseudo header and transport: 0 if the checksum is right. */
function transportSum(frame: Uint8Array, network: number, transport: number, version: 4 | 6): number {
  const protocol = frame[network + (version === 4 ? 9 : 6)]!;
  const length = frame.length - transport;
  const addresses = checksumAdd(0, frame, network + (version === 4 ? 12 : 8), transport);
  const pseudo = protocol === 1 ? 0 : addresses + protocol + length;
  return checksumFold(checksumAdd(pseudo, frame, transport));
}
