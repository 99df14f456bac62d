import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { ProgramFactory } from '@cpumap/bpf';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { expect, it } from 'vitest';
import * as sample from '../src/sample.ts';
import { inShort, load } from './support/harness.ts';

type Row = [capture: string, index: number, hex: string, verdicts: string];

const PROGRAMS: Record<string, ProgramFactory> = {
  no_touch: sample.noTouch,
  touch_data: sample.touchData,
  l4_proto: sample.protoSeparate,
  l4_filter: sample.ddosFilterPktgen,
  l4_hash: sample.lbHashIpPairs,
  l4_sport: sample.l4Sport,
  l4_dport: sample.l4Dport,
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

  it.each(legend.programs.map((name, column) => [name, column] as const))('is what %s answers', (name, column) => {
    const { bench, send } = load(PROGRAMS[name]!);
    const wrong: unknown[] = [];
    for (const [capture, index, hex, verdicts] of rows) {
      const linux = verdicts.split(' ')[column];
      const ours = inShort(send(Buffer.from(hex, 'hex')));
      if (ours !== linux) wrong.push({ capture, index, linux, ours });
    }
    expect(wrong).toEqual([]);
    expect(bench.counters().processed).toBe(3533n);
    expect(bench.counters().issue).toBe(0n);
  });
});
