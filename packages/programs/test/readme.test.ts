import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { SAMPLE_PROGRAMS } from '../src/index.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

it('the example of the README runs', async () => {
  expect(readme).toContain(read('./readme-example.ts'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('./readme-example.ts');
  const printed = log.mock.calls.map((words) => words.join(' '));
  log.mockRestore();
  expect(readme).toContain(printed.join('\n'));
  expect(printed).toHaveLength(2);
});

it('the README has all programs in its table', () => {
  for (const { prognum, name, mode, export: factory } of SAMPLE_PROGRAMS) {
    expect(readme).toContain(`| ${prognum ?? '–'} | \`${name}\` | \`${mode}\` | \`${factory}\` |`);
  }
});
