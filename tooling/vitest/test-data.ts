/**
 * Where tests find data that is not part of the project (real captures, the kernel's answers): the folder named by
 * CPUMAP_TEST_DATA, else `../shared/data` beside the checkout. Without it those tests are skipped, and say why.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, it } from 'vitest';

const checkout = resolve(import.meta.dirname, '../..');
const folder = process.env.CPUMAP_TEST_DATA ?? resolve(checkout, '../shared/data');

/** The full path of a file or folder of the test data, or undefined if it is not there. */
export function testData(...path: string[]): string | undefined {
  const full = resolve(folder, ...path);
  return existsSync(full) ? full : undefined;
}

/** A `describe` that needs `relPath` of the test data and hands its full path to `fn`; without it, one skip with the reason. */
export function describeWithData(name: string, relPath: string, fn: (path: string) => void): void {
  const path = testData(relPath);
  if (path !== undefined) {
    describe(name, () => fn(path));
    return;
  }
  describe(name, () => {
    it('needs test data', ({ skip }) =>
      skip(`no ${relPath} in ${folder}: set CPUMAP_TEST_DATA to the folder that has it`));
  });
}
