import { readFileSync } from 'node:fs';
import { itRunsTheReadmeExample } from '@cpumap/vitest-config/readme';
import { expect, it } from 'vitest';
import { SAMPLE_PROGRAMS } from '../src/index.ts';

itRunsTheReadmeExample(import.meta.url);

it('the README has all programs in its table', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  for (const { prognum, name, mode } of SAMPLE_PROGRAMS) {
    expect(readme).toContain(`| ${prognum ?? '–'} | \`${name}\` | \`${mode}\` |`);
  }
});
