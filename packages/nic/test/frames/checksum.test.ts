import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksumAdd, checksumFold, internetChecksum } from '../../src/frames/checksum.ts';

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** One word at a time with end-around carry, as RFC 1071 explains it. */
function byDefinition(data: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) {
    sum += data[at]! * 256 + (data[at + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

describe('the internet checksum', () => {
  it.each([
    ['the example of RFC 1071', '0001f203f4f5f6f7', 0x220d],
    ['an IPv4 header with its field zero', '450000730000400040110000c0a80001c0a800c7', 0xb861],
    ['the same header with its checksum', '45000073000040004011b861c0a80001c0a800c7', 0],
    ['an odd length', 'fa', 0x05ff],
    ['nothing', '', 0xffff],
    ['zeros', '00000000', 0xffff],
    ['all ones', 'ffffffff', 0],
    ['a carry out of the carry', 'ffffffff0001', 0xfffe],
  ])('of %s', (_, hex, checksum) => {
    expect(internetChecksum(bytes(hex))).toBe(checksum);
  });

  it('stays exact over more bytes than any packet has', () => {
    const data = new Uint8Array(1 << 20).fill(0xff);
    data[data.length - 1] = 0xfe;
    expect(internetChecksum(data)).toBe(byDefinition(data));
  });

  it('is what its definition says, over any part of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat({ max: 100 }), fc.nat({ max: 100 }), (data, a, b) => {
        const [from, to] = [Math.min(a, b, data.length), Math.min(Math.max(a, b), data.length)];
        const expected = byDefinition(data.subarray(from, to));
        // 0 and 0xffff are the two zeros of one's complement; both say the same
        expect(internetChecksum(data, from, to) % 0xffff).toBe(expected % 0xffff);
      }),
    );
  });

  it('is the same in pieces, if all but the last are even', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat({ max: 50 }), (data, half) => {
        const middle = Math.min(half * 2, data.length & ~1);
        const sum = checksumAdd(checksumAdd(0, data, 0, middle), data, middle);
        expect(checksumFold(sum)).toBe(internetChecksum(data));
      }),
    );
  });

  it('makes what it covers sum up to zero', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 100 }), (data) => {
        data.fill(0, 0, 2);
        const checksum = internetChecksum(data);
        data.set([checksum >> 8, checksum & 0xff]);
        expect(internetChecksum(data)).toBe(0);
      }),
    );
  });
});
