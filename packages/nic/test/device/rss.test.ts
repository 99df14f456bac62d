/** Which queue a frame goes to: the low seven bits of its hash, looked up in the table, whatever is set with ethtool. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultIndirection,
  INDIRECTION_ENTRIES,
  MICROSOFT_RSS_KEY,
  type NicDevice,
  parsePktgenSpec,
  pktgenSource,
  RSS_KEY_LENGTH,
  rssHash,
} from '../../src/index.ts';
import { createBench } from './support/bench.ts';

const queueOf = (nic: NicDevice, frame: Uint8Array): number => {
  const { indir, key } = nic.rxfh();
  return indir[rssHash(frame, key) & (INDIRECTION_ENTRIES - 1)]!;
};

describe('frames of many flows', () => {
  it.each(['udp', 'tcp', 'icmp'])(
    'of %s are divided as the hash says, in IPv4, IPv6 and behind a tag',
    async (proto) => {
      const bench = createBench(3);
      const nic = bench.device({ channels: 5 });
      for (const more of ['', ',ipv6', ',vlan=7']) {
        const source = pktgenSource(parsePktgenSpec(`flows=200,proto=${proto}${more}`), 600);
        await bench.send(nic, source);
      }
      expect(bench.arrivals).toHaveLength(1800);
      for (const { queue, cpu, frame } of bench.arrivals) {
        expect(queue).toBe(queueOf(nic, frame));
        expect(cpu).toBe(queue % 3);
      }
      expect(new Set(bench.arrivals.map(({ queue }) => queue)).size).toBe(5);
      bench.end(nic);
    },
  );

  it('behind more tags than RSS looks through, all go to the queue of entry 0', async () => {
    const bench = createBench(3);
    const nic = bench.device({ channels: 3, rssVlanTags: 0 });
    await bench.send(nic, pktgenSource(parsePktgenSpec('flows=50,vlan=7'), 50));
    expect(nic.queueCounts().map(({ packets }) => packets)).toEqual([50, 0, 0]);
    bench.end(nic);
  });

  it.each([-1, 3, 0.5])('%d tags are refused', (rssVlanTags) => {
    const bench = createBench(1);
    expect(() => bench.device({ rssVlanTags })).toThrow(/EINVAL.*0 to 2 VLAN tags/);
  });

  it('any table and key', async () => {
    const tables = fc.integer({ min: 1, max: 6 }).chain((channels) =>
      fc.record({
        channels: fc.constant(channels),
        indir: fc.array(fc.nat(channels - 1), { minLength: INDIRECTION_ENTRIES, maxLength: INDIRECTION_ENTRIES }),
        key: fc.uint8Array({ minLength: RSS_KEY_LENGTH, maxLength: RSS_KEY_LENGTH }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(tables, async ({ channels, indir, key }) => {
        const bench = createBench(2);
        const nic = bench.device({ channels, buffers: 64 });
        nic.setRxfhIndir(indir);
        nic.setRxfhKey(key);
        expect(nic.rxfh()).toEqual({ indir, key });
        const source = pktgenSource(parsePktgenSpec('flows=64'), 128);
        await bench.send(nic, source);
        const expected = new Array(channels).fill(0);
        for (let n = 0; n < 128; n++) expected[queueOf(nic, source.frames[source.order[n % 64]!]!)]++;
        expect(nic.queueCounts().map(({ packets }) => packets)).toEqual(expected);
        bench.end(nic);
      }),
      { numRuns: 40 },
    );
  });

  it('the settings are copies: what is read or was given can change', () => {
    const bench = createBench(1);
    const nic = bench.device({ channels: 2 });
    const [indir, key] = [new Array(INDIRECTION_ENTRIES).fill(1), new Uint8Array(RSS_KEY_LENGTH).fill(3)];
    nic.setRxfhIndir(indir);
    nic.setRxfhKey(key);
    indir.fill(0);
    key.fill(0);
    nic.rxfh().key.fill(9);
    expect(nic.rxfh()).toEqual({
      indir: new Array(INDIRECTION_ENTRIES).fill(1),
      key: new Uint8Array(RSS_KEY_LENGTH).fill(3),
    });
  });

  it('other channels mean the default table again, another ring keeps the table', () => {
    const bench = createBench(1);
    const nic = bench.device({ channels: 2 });
    const indir = new Array(INDIRECTION_ENTRIES).fill(1);
    nic.setRxfhIndir(indir);
    nic.setRingParam({ rx: 64 });
    expect(nic.rxfh().indir).toEqual(indir);
    nic.setChannels(3);
    expect(nic.rxfh()).toEqual({ indir: defaultIndirection(3), key: MICROSOFT_RSS_KEY });
  });
});
