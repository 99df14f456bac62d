import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PktgenSpecError } from '../../src/pktgen/pktgen-error.ts';
import type { PktgenSpec } from '../../src/pktgen/spec.ts';
import { PKTGEN_KEYS, parsePktgenSpec, pktgenMinSize } from '../../src/pktgen/spec.ts';

const DEFAULTS: PktgenSpec = {
  rate: Number.POSITIVE_INFINITY,
  size: 64,
  imix: false,
  flows: 1,
  proto: 'udp',
  sport: null,
  dport: 9,
  vlan: null,
  ipv6: false,
  seed: 0,
};

function errorOf(text: string): PktgenSpecError {
  try {
    parsePktgenSpec(text);
  } catch (error) {
    expect(error).toBeInstanceOf(PktgenSpecError);
    return error as PktgenSpecError;
  }
  return expect.fail(`'${text}' was taken`);
}

describe('a packet generator specification', () => {
  it.each<[string, Partial<PktgenSpec>]>([
    ['', {}],
    ['  ', {}],
    ['rate=max', {}],
    ['rate=1000', { rate: 1000 }],
    ['rate=0.5', { rate: 0.5 }],
    ['rate=10k', { rate: 10_000 }],
    ['rate=10K', { rate: 10_000 }],
    ['rate=1.5M', { rate: 1_500_000 }],
    ['rate=14.88M', { rate: 14_880_000 }],
    ['rate=0.1G', { rate: 100_000_000 }],
    ['size=64', {}],
    ['size=9018', { size: 9018 }],
    ['size=9022,vlan=1', { size: 9022, vlan: 1 }],
    ['imix', { imix: true }],
    ['imix=1', { imix: true }],
    ['imix=0,size=100', { size: 100 }],
    ['flows=65536', { flows: 65_536 }],
    ['proto=tcp,sport=0,dport=65535', { proto: 'tcp', sport: 0, dport: 65_535 }],
    ['proto=icmp', { proto: 'icmp' }],
    ['vlan=4094', { vlan: 4094 }],
    ['seed=4294967295', { seed: 4_294_967_295 }],
    [' rate = 1M , flows = 8 ', { rate: 1_000_000, flows: 8 }],
    // the default size is the smallest that holds the headers
    ['ipv6', { ipv6: true, size: 66 }],
    ['ipv6=1,proto=tcp', { ipv6: true, proto: 'tcp', size: 78 }],
    ['ipv6,proto=tcp,vlan=2', { ipv6: true, proto: 'tcp', vlan: 2, size: 82 }],
    ['proto=tcp,vlan=2', { proto: 'tcp', vlan: 2 }],
  ])("'%s'", (text, expected) => {
    expect(parsePktgenSpec(text)).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each([
    ['speed=5', 'speed', '5', "there is no key 'speed'"],
    ['__proto__=5', '__proto__', '5', "there is no key '__proto__'"],
    ['constructor', 'constructor', '', "there is no key 'constructor'"],
    ['Rate=5', 'Rate', '5', "there is no key 'Rate'"],
    ['rate=1,', '', '', "a key is missing in 'rate=1,'"],
    ['=5', '', '5', "a key is missing in '=5'"],
    ['flows=1,flows=2', 'flows', '2', "flows is given twice, '1' and '2'"],
    ['imix,imix=1', 'imix', '1', "imix is given twice, '1' and '1'"],
    ['rate', 'rate', '', 'rate has no value'],
    ['size=', 'size', '', 'size has no value'],
    ['rate=0', 'rate', '0', 'rate=0 cannot be taken; allowed: more than 0 frames per second, or max'],
    ['rate=-1', 'rate', '-1', 'rate=-1 cannot be taken; allowed: max, or a number with k, M or G'],
    ['rate=1m', 'rate', '1m', 'max, or a number with k, M or G'],
    ['rate=1e6', 'rate', '1e6', 'max, or a number with k, M or G'],
    ['rate=.5', 'rate', '.5', 'max, or a number with k, M or G'],
    ['rate=Infinity', 'rate', 'Infinity', 'max, or a number with k, M or G'],
    ['rate=1001G', 'rate', '1001G', 'allowed: at most 1000G, or max'],
    ['size=63', 'size', '63', 'size=63 cannot be taken; allowed: 64 to 9018, with vlan to 9022'],
    ['size=9019', 'size', '9019', 'allowed: 64 to 9018, with vlan to 9022'],
    ['size=9023,vlan=1', 'size', '9023', 'allowed: 64 to 9022 with these headers'],
    ['size=64,ipv6', 'size', '64', 'allowed: 66 to 9018 with these headers'],
    ['size=64.5', 'size', '64.5', 'size=64.5 cannot be taken'],
    ['size=0x40', 'size', '0x40', 'size=0x40 cannot be taken'],
    ['size=100,imix', 'size', '100', 'size and imix exclude each other'],
    ['imix=yes', 'imix', 'yes', 'allowed: imix, imix=1 or imix=0'],
    ['ipv6=2', 'ipv6', '2', 'allowed: ipv6, ipv6=1 or ipv6=0'],
    ['flows=0', 'flows', '0', 'allowed: 1 to 65536'],
    ['flows=65537', 'flows', '65537', 'allowed: 1 to 65536'],
    ['flows=1k', 'flows', '1k', 'allowed: 1 to 65536'],
    ['proto=sctp', 'proto', 'sctp', 'proto=sctp cannot be taken; allowed: udp, tcp or icmp'],
    ['dport=65536', 'dport', '65536', 'allowed: 0 to 65535'],
    ['proto=icmp,dport=9', 'dport', '9', 'dport means nothing with proto=icmp'],
    ['sport=1,proto=icmp', 'sport', '1', 'sport means nothing with proto=icmp'],
    ['vlan=0', 'vlan', '0', 'allowed: 1 to 4094'],
    ['vlan=4095', 'vlan', '4095', 'allowed: 1 to 4094'],
    ['seed=4294967296', 'seed', '4294967296', 'allowed: 0 to 4294967295'],
    ['seed=99999999999999999999', 'seed', '99999999999999999999', 'allowed: 0 to 4294967295'],
  ])("'%s' is refused", (text, key, value, message) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ name: 'PktgenSpecError', key, value });
    expect(error.message).toMatch(/^pktgen: /);
    expect(error.message).toContain(message);
    expect(error.message.endsWith(`; allowed: ${error.allowed}`)).toBe(true);
  });

  it('that has an unknown key is told which ones there are', () => {
    expect(errorOf('speed=5').allowed).toBe('rate, size, imix, flows, proto, sport, dport, vlan, ipv6, seed');
  });

  it('has every key in the table, and the table describes nothing else', () => {
    expect(PKTGEN_KEYS.map((one) => one.key).sort()).toEqual(Object.keys(DEFAULTS).sort());
  });

  it('that can be taken can be generated, and anything else is a PktgenSpecError', () => {
    const value = fc.oneof(
      fc.nat({ max: 70_000 }).map(String),
      fc.constantFrom('1', '0', 'tcp', 'icmp', 'max', '2M', ''),
    );
    const item = fc.tuple(fc.constantFrom(...PKTGEN_KEYS.map((one) => one.key)), value);
    const text = fc.oneof(
      fc.array(item, { maxLength: 5 }).map((items) => items.map(([key, given]) => `${key}=${given}`).join(',')),
      fc.string({
        unit: fc.constantFrom('rate', 'imix', 'ipv6', 'size', '=', ',', '1', '80', ' ', 'k'),
        maxLength: 12,
      }),
    );
    fc.assert(
      fc.property(text, (written) => {
        try {
          const spec = parsePktgenSpec(written);
          expect(spec.rate).toBeGreaterThan(0);
          expect(spec.size).toBeGreaterThanOrEqual(pktgenMinSize(spec));
          expect(spec.size).toBeLessThanOrEqual(spec.vlan === null ? 9018 : 9022);
        } catch (error) {
          expect(error).toBeInstanceOf(PktgenSpecError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
