import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { describe, expect, it } from 'vitest';
import type { SampleProgramName } from '../src/index.ts';
import { ENGINES, inShort, load } from './support/harness.ts';

type Row = [capture: string, index: number, hex: string, verdicts: string];

const PROGRAMS: Record<string, SampleProgramName> = {
  no_touch: 'no_touch',
  touch_data: 'touch_data',
  l4_proto: 'proto_separate',
  l4_filter: 'ddos_filter_pktgen',
  l4_hash: 'lb_hash_ip_pairs',
  l4_sport: 'l4_sport',
  l4_dport: 'l4_dport',
};

// Linux 6.18 running xdp-bench's compiled programs on the packets of tcpdump's captures, cpus_count 4
describeWithData('what Linux answers to real packets', 'kernel-6.18/verdicts.ndjson.gz', (path) => {
  const [first, ...lines] = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  const legend: { programs: string[]; cpus_count: number } = JSON.parse(first!);
  const rows = lines.map((line) => JSON.parse(line) as Row);

  it('is on record for 3533 packets and seven programs', () => {
    expect(rows.length).toBe(3533);
    expect(legend.programs).toEqual(Object.keys(PROGRAMS));
    expect(legend.cpus_count).toBe(4);
  });

  describe.each(ENGINES)('%s', (engine) => {
    it.each(legend.programs.map((name, column) => [name, column] as const))('is what %s answers', (name, column) => {
      const { bench, send } = load(engine, PROGRAMS[name]!);
      const wrong: unknown[] = [];
      for (const [capture, index, hex, verdicts] of rows) {
        const linux = verdicts.split(' ')[column];
        const ours = inShort(send(Buffer.from(hex, 'hex')));
        if (ours !== linux) wrong.push({ capture, index, linux, ours });
      }
      expect(wrong).toEqual([]);
      const dropped = rows.filter(([, , , verdicts]) => verdicts.split(' ')[column] === 'D').length;
      expect(bench.counters()).toEqual({ processed: 3533n, dropped: BigInt(dropped), issue: 0n });
    });
  });
});
