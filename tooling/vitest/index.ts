/** The test settings that all packages share. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './summary-reporter.ts';

/** Every package in `folders` of the workspace at `root` becomes one project, named like the package. */
export function workspaceTests(root: string, folders: string[]) {
  const packages = folders
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)))
    .filter((path) => existsSync(join(path, 'package.json')));

  return defineConfig({
    test: {
      // a process for each test file: threads and Atomics.wait are the test's own to use
      pool: 'forks',
      testTimeout: 30_000,
      hookTimeout: 30_000,
      // built packages are loaded by Node itself, as users load them; only then do their workers find their files
      server: { deps: { external: [/\/dist\/.*\.js$/] } },
      passWithNoTests: true,
      reporters: ['default', new SummaryReporter()],
      projects: packages.map((path) => ({
        extends: true,
        test: {
          name: JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')).name,
          root: path,
          include: ['test/**/*.test.ts'],
        },
      })),
    },
  });
}
