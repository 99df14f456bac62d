import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flowHost, flowPort } from '../../src/pktgen/flows.ts';
import { PKTGEN_MAX_FLOWS, parsePktgenSpec } from '../../src/pktgen/spec.ts';
import { pktgenFrameLengths, pktgenSequence, pktgenTemplates } from '../../src/pktgen/templates.ts';
import { createRssHasher, defaultIndirection, MICROSOFT_RSS_KEY } from '../../src/rss.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the frames of a generator', () => {
  // tshark 4.0.17 finds these good
  it('are these for the defaults', () => {
    const [template, ...others] = pktgenTemplates(parsePktgenSpec(''));
    expect(others).toEqual([]);
    expect(template!.flow).toBe(0);
    expect(hex(template!.data)).toBe(
      [
        ...['020000000002', '020000000001', '0800'],
        ...['4500002e', '00004000', '40114540', 'c6126958', 'c6130001'], // 198.18.105.88 to 198.19.0.1
        ...['58450009', '001ab1ec', '00'.repeat(18)], // port 22597 to 9
      ].join(''),
    );
  });

  it.each([
    ['', [60]],
    ['size=1518', [1514]],
    ['size=9018', [9014]],
    ['size=1522,vlan=1', [1518]],
    ['imix', [60, 590, 1514]],
    ['imix,vlan=5', [60, 590, 1514]],
    ['imix,ipv6,proto=tcp,vlan=5', [78, 590, 1514]],
  ])("of '%s' have these lengths at the driver", (text, lengths) => {
    const spec = parsePktgenSpec(`flows=3${text === '' ? '' : ','}${text}`);
    expect(pktgenFrameLengths(spec)).toEqual(lengths);
    const templates = pktgenTemplates(spec);
    expect(templates.map(({ flow, data }) => [flow, data.length])).toEqual(
      [0, 1, 2].flatMap((flow) => lengths.map((length) => [flow, length])),
    );
  });

  it('lie in one buffer, one behind the other', () => {
    const templates = pktgenTemplates(parsePktgenSpec('imix,flows=10'));
    let at = 0;
    for (const { data } of templates) {
      expect(data.buffer).toBe(templates[0]!.data.buffer);
      expect(data.byteOffset).toBe(at);
      at += data.length;
    }
    expect(templates[0]!.data.buffer.byteLength).toBe(at);
  });

  it('go to the device that is named', () => {
    const addresses = { sourceMac: '02:aa:00:00:00:01', destinationMac: '02:bb:00:00:00:01' };
    const [template] = pktgenTemplates(parsePktgenSpec(''), addresses);
    expect(hex(template!.data.subarray(0, 12))).toBe('02bb0000000102aa00000001');
  });

  it('have the ports, the tag and the protocol that were asked for', () => {
    const [udp] = pktgenTemplates(parsePktgenSpec('sport=7,dport=8,vlan=9'));
    expect(hex(udp!.data.subarray(12, 18))).toBe('810000090800');
    expect(hex(udp!.data.subarray(38, 42))).toBe('00070008');
    const [tcp] = pktgenTemplates(parsePktgenSpec('proto=tcp,ipv6,sport=7,dport=80'));
    expect(tcp!.data[20]).toBe(6);
    expect(hex(tcp!.data.subarray(54, 58))).toBe('00070050');
    const [icmp] = pktgenTemplates(parsePktgenSpec('proto=icmp,ipv6'));
    expect(icmp!.data[20]).toBe(58);
    expect(icmp!.data[54]).toBe(128);
  });

  it('are the same each time, and others with another seed', () => {
    const made = (text: string) => pktgenTemplates(parsePktgenSpec(text)).map(({ data }) => hex(data));
    expect(made('flows=20,seed=3')).toEqual(made('flows=20,seed=3'));
    const together = new Set([...made('flows=20,seed=3'), ...made('flows=20,seed=4')]);
    expect(together.size).toBeGreaterThan(38);
  });

  it('can be made for as many flows as are allowed', () => {
    const templates = pktgenTemplates(parsePktgenSpec(`flows=${PKTGEN_MAX_FLOWS},proto=icmp`));
    expect(templates).toHaveLength(PKTGEN_MAX_FLOWS);
    const sources = new Set(templates.map(({ data }) => (data[28]! << 8) | data[29]!));
    expect(sources.size).toBe(PKTGEN_MAX_FLOWS);
  });
});

describe('the flows of a generator', () => {
  it.each([0, 1, 2, 0xffff_ffff])('with seed %i each have an address of their own, all 65536 of them', (seed) => {
    const hosts = new Set<number>();
    for (let flow = 0; flow < 65_536; flow++) {
      const host = flowHost(flow, seed);
      if (host < 0 || host > 0xffff || !Number.isInteger(host)) expect.fail(`host ${host}`);
      hosts.add(host);
      const port = flowPort(flow, seed);
      if (port < 1024 || port > 65_535 || !Number.isInteger(port)) expect.fail(`port ${port}`);
    }
    expect(hosts.size).toBe(65_536);
  });

  // a fair die of `queues` sides thrown 1024 times stays within four standard deviations
  const variants = ['', 'ipv6', 'proto=tcp', 'proto=icmp', 'sport=9', 'ipv6,proto=icmp'];
  const cases = variants.flatMap((text) =>
    [2, 4, 8, 16].flatMap((queues) => [0, 1, 7].map((seed) => ({ text, queues, seed }))),
  );
  it.each(cases)("of '$text' spread over $queues queues with seed $seed", ({ text, queues, seed }) => {
    const flows = 1024;
    const spec = parsePktgenSpec(`flows=${flows},seed=${seed}${text === '' ? '' : ','}${text}`);
    const hasher = createRssHasher(MICROSOFT_RSS_KEY);
    const indirection = defaultIndirection(queues);
    const counts = new Array<number>(queues).fill(0);
    for (const { data } of pktgenTemplates(spec)) counts[indirection[hasher(data, 0, data.length) & 127]!]!++;
    const expected = flows / queues;
    const bound = 4 * Math.sqrt(expected * (1 - 1 / queues));
    for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(bound);
  });
});

describe('the order of sending', () => {
  it('without imix takes the flows in turn', () => {
    expect([...pktgenSequence(parsePktgenSpec('flows=5')).order]).toEqual([0, 1, 2, 3, 4]);
  });

  it('with imix and one flow is twelve frames, 7:4:1', () => {
    expect([...pktgenSequence(parsePktgenSpec('imix')).order]).toEqual([0, 1, 0, 1, 0, 0, 2, 0, 1, 0, 1, 0]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 24, 36, 100])(
    'with imix and %i flows gives each 7:4:1',
    (flows) => {
      const { order } = pktgenSequence(parsePktgenSpec(`imix,flows=${flows}`));
      expect(order).toHaveLength(12 * flows);
      const counts = new Uint32Array(3 * flows);
      for (const [at, template] of order.entries()) {
        expect(Math.floor(template / 3)).toBe(at % flows);
        counts[template]!++;
      }
      for (let flow = 0; flow < flows; flow++) expect([...counts.subarray(3 * flow, 3 * flow + 3)]).toEqual([7, 4, 1]);
    },
  );

  it('with imix keeps every twelve frames close to 7:4:1, also over its end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (flows, from) => {
        const { order } = pktgenSequence(parsePktgenSpec(`imix,flows=${flows}`));
        const counts = [0, 0, 0];
        for (let at = 0; at < 12; at++) counts[order[(from + at) % order.length]! % 3]!++;
        for (const [size, share] of [7, 4, 1].entries()) {
          expect(Math.abs(counts[size]! - share)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it.each(['', 'imix', 'flows=7', 'imix,flows=7', `flows=${PKTGEN_MAX_FLOWS}`])(
    "of '%s' has every frame in it",
    (text) => {
      const spec = parsePktgenSpec(text);
      const count = spec.flows * pktgenFrameLengths(spec).length;
      const seen = new Set(pktgenSequence(spec).order);
      expect(seen.size).toBe(count);
      for (const template of seen) if (template >= count) expect.fail(`there is no template ${template}`);
    },
  );
});
