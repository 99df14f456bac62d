/**
 * Encapsulated frames, whole, in both directions and cut off, and what Linux 6.18.44 answered when it ran these programs
 * on them (BPF_PROG_TEST_RUN, cpus_count 11): the index in cpus_available, found by four runs with half of the entries in
 * use, or P for XDP_PASS. The same runs on the 3,533 packets of the captures gave what reference/steering.ts says.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { SteeringMode } from '../src/index.ts';
import { ENGINES, inShort, load } from './support/harness.ts';

const rows = readFileSync(new URL('./data/steering-linux-6.18.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as [mode: SteeringMode, hex: string, index: number | 'P']);

const modes = [...new Set(rows.map(([mode]) => mode))];

it('is on record for every program', () => {
  expect(rows.length).toBe(736);
  expect(modes.length).toBe(9);
});

it.each(ENGINES.flatMap((engine) => modes.map((mode) => [engine, mode] as const)))(
  'on the %s is what steer_%s answers',
  (engine, mode) => {
    const cpusAvailable = Array.from({ length: 11 }, (_, i) => i);
    const { send } = load(engine, `steer_${mode}`, { cpusAvailable });
    for (const [of, hex, index] of rows) {
      if (of === mode) expect(inShort(send(Buffer.from(hex, 'hex'))), hex).toBe(index === 'P' ? 'P' : `R${index}`);
    }
  },
);
