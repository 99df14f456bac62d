import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4Bytes, ipv6Bytes, macBytes } from '../../src/frames/addresses.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const accepts = (read: () => Uint8Array) => {
  try {
    read();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return false;
  }
};

describe('addresses', () => {
  it.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['2001:DB8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
  ])('reads %s', (text, expected) => {
    expect(hex(ipv6Bytes(text, 'source'))).toBe(expected);
  });

  it.each(['', ':', ':::', '1', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '1:2:3:4::5:6:7:8', '12345::', 'g::'])(
    "refuses '%s' as IPv6",
    (text) => {
      expect(() => ipv6Bytes(text, 'network.source')).toThrow(
        new RangeError(`network.source: '${text}' is not an IPv6 address`),
      );
    },
  );

  it.each(['1.2.3.4::', '::1.2.3.4:5', '::1.2.3', '::1.2.3.256', 'fe80::1%eth0', ' ::1', ':1::2', '1::2:'])(
    "refuses '%s' as IPv6",
    (text) => {
      expect(isIPv6(text.replace('%eth0', ' '))).toBe(false);
      expect(() => ipv6Bytes(text, 'source')).toThrow(RangeError);
    },
  );

  it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', '1.2.3.-4', '0x1.2.3.4', '1..2.3'])(
    "refuses '%s' as IPv4",
    (text) => {
      expect(() => ipv4Bytes(text, 'source')).toThrow(new RangeError(`source: '${text}' is not an IPv4 address`));
    },
  );

  it.each(['', '00:11:22:33:44', '00:11:22:33:44:55:66', '0:11:22:33:44:55', '00:11:22:33:44:5g', '001122334455'])(
    "refuses '%s' as Ethernet",
    (text) => {
      expect(() => macBytes(text, 'sourceMac')).toThrow(
        new RangeError(`sourceMac: '${text}' is not an Ethernet address`),
      );
    },
  );

  it('reads Ethernet with colons and dashes', () => {
    expect(hex(macBytes('00:1b:21:Aa:fF:55', 'x'))).toBe('001b21aaff55');
    expect(hex(macBytes('00-1b-21-aa-ff-55', 'x'))).toBe('001b21aaff55');
  });

  it('takes bytes of the right length', () => {
    expect(hex(ipv4Bytes(Uint8Array.of(1, 2, 3, 4), 'x'))).toBe('01020304');
    expect(() => ipv4Bytes(new Uint8Array(16), 'source')).toThrow('source has 16 bytes, it must have 4');
    expect(() => ipv6Bytes(new Uint8Array(4), 'source')).toThrow('source has 4 bytes, it must have 16');
    expect(() => macBytes(new Uint8Array(4), 'source')).toThrow('source has 4 bytes, it must have 6');
  });

  it('reads every address that is written in full', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        expect(ipv4Bytes(bytes.join('.'), 'x')).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(ipv6Bytes(text, 'x')).toHaveLength(16);
      }),
    );
  });

  it('agrees with Node on what is an address', () => {
    const v6 = fc.string({ unit: fc.constantFrom(':', ':', '::', '1', 'ab', 'ffff', '1.2.3.4', '0'), maxLength: 20 });
    fc.assert(
      fc.property(v6, (text) => {
        expect(accepts(() => ipv6Bytes(text, 'x'))).toBe(isIPv6(text));
      }),
      { numRuns: 3000 },
    );
    const v4 = fc.string({ unit: fc.constantFrom('.', '.', '0', '1', '25', '255', '256'), maxLength: 8 });
    fc.assert(
      fc.property(v4, (text) => {
        expect(accepts(() => ipv4Bytes(text, 'x'))).toBe(isIPv4(text));
      }),
      { numRuns: 3000 },
    );
  });
});
