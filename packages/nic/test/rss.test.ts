import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4Bytes, ipv6Bytes } from '../src/frames/addresses.ts';
import { buildFrame } from '../src/frames/build-frame.ts';
import type { FrameSpec } from '../src/frames/frame-spec.ts';
import {
  createRssHasher,
  defaultIndirection,
  MICROSOFT_RSS_KEY,
  RSS_KEY_LENGTH,
  rssHash,
  toeplitzHash,
} from '../src/rss.ts';
import { bytesFrom, concat } from './support/pcapng-blocks.ts';

const KEY = MICROSOFT_RSS_KEY;

/** The verification suite of Microsoft's RSS specification: destination, source, hash of the addresses, with TCP ports. */
const IPV4 = [
  ['161.142.100.80', 1766, '66.9.149.187', 2794, 0x323e8fc2, 0x51ccc178],
  ['65.69.140.83', 4739, '199.92.111.2', 14230, 0xd718262a, 0xc626b0ea],
  ['12.22.207.184', 38024, '24.19.198.95', 12898, 0xd2d0a5de, 0x5c2b394a],
  ['209.142.163.6', 2217, '38.27.205.30', 48228, 0x82989176, 0xafc7327f],
  ['202.188.127.2', 1303, '153.39.163.191', 44251, 0x5d1809c5, 0x10e828a2],
] as const;
const IPV6 = [
  ['3ffe:2501:200:3::1', 1766, '3ffe:2501:200:1fff::7', 2794, 0x2cc18cd5, 0x40207d3d],
  ['ff02::1', 4739, '3ffe:501:8::260:97ff:fe40:efab', 14230, 0x0f0c461c, 0xdde51bbf],
  ['fe80::200:f8ff:fe21:67cf', 38024, '3ffe:1900:4545:3:200:f8ff:fe21:67cf', 44251, 0x4b61e985, 0x02d1feef],
] as const;
const VECTORS = [...IPV4.map((row) => [4, ...row] as const), ...IPV6.map((row) => [6, ...row] as const)];

const ports = (source: number, destination: number) =>
  Uint8Array.of(source >> 8, source & 0xff, destination >> 8, destination & 0xff);
const network = (version: 4 | 6, source: string, destination: string) => ({ version, source, destination }) as const;

describe('the Toeplitz hash', () => {
  it.each(VECTORS)('IPv%i %s:%i from %s:%i', (version, destination, dport, source, sport, addresses, tuple) => {
    const read = version === 4 ? ipv4Bytes : ipv6Bytes;
    const input = concat(read(source, 'source'), read(destination, 'destination'));
    expect(toeplitzHash(KEY, input)).toBe(addresses);
    expect(toeplitzHash(KEY, concat(input, ports(sport, dport)))).toBe(tuple);
  });

  it('needs four bytes of key more than its input has', () => {
    expect(toeplitzHash(KEY, new Uint8Array(36))).toBe(0);
    expect(() => toeplitzHash(KEY, new Uint8Array(37))).toThrow(/37 bytes needs a key of 41, not 40/);
  });

  it('of one bit is the 32 bits of the key that begin at that bit', () => {
    const bits = [...KEY].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    for (let bit = 0; bit < 36 * 8; bit++) {
      const input = new Uint8Array(36);
      input[bit >> 3] = 0x80 >> (bit & 7);
      expect(toeplitzHash(KEY, input)).toBe(Number.parseInt(bits.slice(bit, bit + 32), 2));
    }
  });

  it('is linear', () => {
    const input = fc.uint8Array({ minLength: 36, maxLength: 36 });
    fc.assert(
      fc.property(input, input, fc.uint8Array({ minLength: 40, maxLength: 40 }), (a, b, key) => {
        const both = a.map((byte, index) => byte ^ b[index]!);
        expect(toeplitzHash(key, both)).toBe((toeplitzHash(key, a) ^ toeplitzHash(key, b)) >>> 0);
      }),
    );
  });
});

describe('the RSS hash of a frame', () => {
  const tags = [[], [{ id: 5 }], [{ id: 5 }, { id: 6 }], [{ id: 5, tpid: 0x9100 }]];

  it.each(VECTORS)('IPv%i %s:%i from %s:%i', (version, destination, dport, source, sport, addresses, tuple) => {
    for (const vlans of tags) {
      const of = (transport: FrameSpec['transport']) =>
        rssHash(buildFrame({ vlans, network: network(version, source, destination), transport }), KEY);
      expect(of({ protocol: 'tcp', sourcePort: sport, destinationPort: dport })).toBe(tuple);
      expect(of({ protocol: 'udp', sourcePort: sport, destinationPort: dport })).toBe(tuple);
      expect(of({ protocol: 'icmp' })).toBe(addresses);
    }
  });

  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
  ])('a hasher that looks through %i tags reads nothing behind more', (vlanTags, most) => {
    const hash = createRssHasher(KEY, vlanTags);
    for (const count of [0, 1, 2]) {
      const frame = buildFrame({
        vlans: tags[count]!,
        network: network(4, '192.0.2.1', '192.0.2.2'),
        transport: { protocol: 'icmp' },
      });
      expect(hash(frame, 0, frame.length)).toBe(count <= most ? rssHash(frame, KEY) : 0);
    }
  });

  const [v4Destination, dport, v4Source, sport, v4Addresses, v4Tuple] = IPV4[0];
  const [v6Destination, , v6Source, , v6Addresses, v6Tuple] = IPV6[0];
  const udp = { protocol: 'udp', sourcePort: sport, destinationPort: dport } as const;
  const v4 = buildFrame({ network: network(4, v4Source, v4Destination), transport: udp });
  const v6 = buildFrame({ network: network(6, v6Source, v6Destination), transport: udp });

  /** `frame` with the bytes at `at` replaced. */
  const patched = (frame: Uint8Array, at: number, ...bytes: number[]) => {
    const copy = frame.slice();
    copy.set(bytes, at);
    return copy;
  };
  /** The IPv6 frame with `headers` between IPv6 and UDP; `protocol` is that of the first one. */
  const extended = (protocol: number, ...headers: Uint8Array[]) =>
    patched(concat(v6.subarray(0, 54), ...headers, v6.subarray(54)), 20, protocol);
  const extension = (next: number, length = 0) => concat(Uint8Array.of(next, length), new Uint8Array(6 + length * 8));

  it.each([
    ['an IPv4 fragment at the front', patched(v4, 20, 0x20, 0), v4Addresses],
    ['an IPv4 fragment further on', patched(v4, 20, 0, 1), v4Addresses],
    ['an IPv4 packet that must not be fragmented', patched(v4, 20, 0x40, 0), v4Tuple],
    ['IPv4 with options', patched(concat(v4.subarray(0, 34), new Uint8Array(8), v4.subarray(34)), 14, 0x47), v4Tuple],
    ['IPv4 with a header of less than five words', patched(v4, 14, 0x44), v4Addresses],
    ['IPv4 that says it is version 5', patched(v4, 14, 0x55), 0],
    ['IPv6 that says it is version 4', patched(v6, 14, 0x40), 0],
    ['IPv6 behind hop-by-hop options', extended(0, extension(17)), v6Tuple],
    ['IPv6 behind three headers', extended(0, extension(43), extension(60, 2), extension(17)), v6Tuple],
    [
      'IPv6 behind eight headers',
      extended(60, ...Array.from({ length: 7 }, () => extension(60)), extension(17)),
      v6Tuple,
    ],
    [
      'IPv6 behind nine headers',
      extended(60, ...Array.from({ length: 8 }, () => extension(60)), extension(17)),
      v6Addresses,
    ],
    ['an IPv6 fragment', extended(44, extension(17)), v6Addresses],
    ['an IPv6 fragment behind options', extended(0, extension(44), extension(17)), v6Addresses],
    ['a header that is longer than the frame', extended(0, Uint8Array.of(17, 200)), v6Addresses],
    ['ARP', patched(v4, 12, 0x08, 0x06), 0],
    ['three tags', buildThreeTags(), 0],
    ['no bytes', new Uint8Array(0), 0],
  ])('%s', (_, frame, expected) => {
    expect(rssHash(frame, KEY)).toBe(expected);
  });

  function buildThreeTags(): Uint8Array {
    return concat(v4.subarray(0, 12), ...[1, 2, 3].map((id) => Uint8Array.of(0x81, 0, 0, id)), v4.subarray(12));
  }

  it.each([
    ['IPv4', v4, 34, 38, v4Addresses, v4Tuple],
    ['IPv6', v6, 54, 58, v6Addresses, v6Tuple],
  ])('of %s that is cut: nothing, then addresses, then ports', (_, frame, network, ports, addresses, tuple) => {
    for (let length = 0; length <= frame.length; length++) {
      const expected = length < network ? 0 : length < ports ? addresses : tuple;
      expect(rssHash(frame.subarray(0, length), KEY)).toBe(expected);
    }
  });

  it('is the same for a frame in the middle of memory, whatever is around it', () => {
    const hasher = createRssHasher(KEY);
    const memory = concat(bytesFrom(1, 37), v6, bytesFrom(9, 50));
    expect(hasher(memory, 37, 37 + v6.length)).toBe(v6Tuple);
    expect(hasher(memory, 37, 37 + 56)).toBe(v6Addresses);
    expect(hasher(memory, 37, 37 + 53)).toBe(0);
  });

  it('never throws and is a 32-bit number, for any bytes', () => {
    const start = fc.constantFrom(v4, v6, buildThreeTags(), extended(0, extension(17)));
    const change = fc.array(fc.tuple(fc.nat({ max: 79 }), fc.nat({ max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(start, change, fc.nat({ max: 90 }), (frame, changes, length) => {
        const bytes = frame.slice(0, length);
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        const hash = rssHash(bytes, KEY);
        expect(Number.isInteger(hash) && hash >= 0 && hash <= 0xffff_ffff).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('follows the key, also one that is changed between two calls', () => {
    const key = KEY.slice();
    expect(rssHash(v4, key)).toBe(v4Tuple);
    key.reverse();
    const input = concat(v4.subarray(26, 34), v4.subarray(34, 38));
    expect(rssHash(v4, key)).toBe(toeplitzHash(key, input));
    expect(rssHash(v4, KEY)).toBe(v4Tuple);
  });

  it('needs a whole key', () => {
    expect(() => rssHash(v4, KEY.subarray(1))).toThrow(/at least 40 bytes, not 39/);
    expect(RSS_KEY_LENGTH).toBe(40);
    expect(rssHash(v4, concat(KEY, bytesFrom(0, 12)))).toBe(v4Tuple);
  });
});

describe('the default indirection table', () => {
  it.each([1, 2, 3, 8, 128, 200])('for %i channels takes them in turn', (channels) => {
    const table = defaultIndirection(channels);
    expect(table).toHaveLength(128);
    expect(table.every((queue, index) => queue === index % channels)).toBe(true);
  });

  it.each([0, -1, 1.5, Number.NaN])('needs a whole number of channels, not %d', (channels) => {
    expect(() => defaultIndirection(channels)).toThrow(RangeError);
  });
});
