/**
 * A README's example is code that runs: it stands in `test/readme-example.ts`, letter for letter in the README, and what
 * it prints stands in the README as well.
 */
import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';

/** Call it at the top of a package's `test/readme.test.ts` with `import.meta.url`. */
export function itRunsTheReadmeExample(testUrl: string): void {
  it('the example of the README runs and prints what the README says', async () => {
    const read = (path: string): string => readFileSync(new URL(path, testUrl), 'utf8');
    const readme = read('../README.md');
    expect(readme).toContain(read('./readme-example.ts'));
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    await import(new URL('./readme-example.ts', testUrl).href);
    const printed = log.mock.calls.map((words) => words.join(' ')).join('\n');
    log.mockRestore();
    expect(printed).not.toBe('');
    expect(readme).toContain(`\n${printed}\n`);
  });
}
