/**
 * Frames made up at random, cut off at and around every header, and what Linux 6.18.44 answered when xdp-bench 1.3.1's
 * compiled programs ran on them (BPF_PROG_TEST_RUN, cpus_available of 12 all in use). Columns: no_touch, touch_data,
 * l4_proto, l4_filter, l4_hash; R<n> is a redirect to cpus_available[n]. The first number is cpus_count.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SampleProgramName } from '../src/index.ts';
import { createBench, ENGINES, HEADROOM, inShort } from './support/harness.ts';

type Row = [cpusCount: number, hex: string, verdicts: string];

const rows = readFileSync(new URL('./data/linux-6.18.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);

const PROGRAMS: SampleProgramName[] = [
  'no_touch',
  'touch_data',
  'proto_separate',
  'ddos_filter_pktgen',
  'lb_hash_ip_pairs',
];

describe.each(ENGINES)('what Linux answers to truncated and strange frames (%s)', (engine) => {
  it.each(PROGRAMS.map((name, column) => [name, column] as const))(
    'is what %s answers, at any alignment, and counts',
    (name, column) => {
      const bench = createBench({ cpusAvailable: Array.from({ length: 12 }, (_, i) => i) });
      const instance = bench.instantiate(engine, name);
      let [processed, dropped] = [0n, 0n];
      rows.forEach(([cpusCount, hex, verdicts], i) => {
        const linux = verdicts.split(' ')[column]!;
        bench.setCount(cpusCount);
        const ours = inShort(bench.run(instance, bench.place(Buffer.from(hex, 'hex'), HEADROOM + (i & 3))));
        expect(ours, `count ${cpusCount}, frame ${hex}`).toBe(linux);
        // hash modulo 0 is the hash, which is beyond the array: counted as processed, never as an issue
        processed++;
        if (linux === 'D') dropped++;
      });
      expect(bench.counters()).toEqual({ processed, dropped, issue: 0n });
    },
  );
});
