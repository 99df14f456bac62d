/** Proves that the rules in layers.mjs bite: cruises a small bad workspace in a temporary folder and compares what is found. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { configuration } from './layers.mjs';

/** File, its text, and the rules that it must break. */
const workspace = /** @type {[string, string, string[]][]} */ ([
  ['packages/uapi/src/index.ts', `export const one = 1;`, []],
  [
    'packages/uapi/src/by-path.ts',
    `import '../../smp/src/index.ts';`,
    ['no-deep-import', 'uapi-imports-only-lower-layers'],
  ],
  ['packages/uapi/src/by-name.ts', `import '@cpumap/smp';`, ['resolvable', 'uapi-imports-only-lower-layers']],
  [
    'packages/uapi/src/by-type.ts',
    `export type { X } from '@cpumap/host/x';`,
    ['resolvable', 'uapi-imports-only-lower-layers'],
  ],
  ['packages/uapi/test/index.test.ts', `import '../src/index.ts'; import '../dist/index.js';`, []],
  ['packages/uapi/dist/index.js', `export const one = 1;`, []],
  ['packages/smp/src/index.ts', `import '../../uapi/dist/index.js';`, []],
  ['packages/smp/src/deep.ts', `import '../../uapi/src/index.ts';`, ['no-deep-import']],
  ['packages/smp/src/round.ts', `import './trip.ts';`, ['no-cycle']],
  ['packages/smp/src/trip.ts', `export type { Y } from './round.ts';`, []], // a cycle is told once, at its first file
  ['packages/smp/src/test.ts', `import '../test/frames.ts';`, ['no-tests-in-src']],
  ['packages/smp/test/frames.ts', `export {};`, []],
  ['packages/smp/test/app.ts', `import 'xdp-redirect-cpu';`, ['no-import-of-an-app', 'resolvable']],
  ['packages/stranger/src/index.ts', `import '../../uapi/dist/index.js';`, ['known-packages-only']],
  ['apps/bench/src/index.ts', `import '../../../packages/smp/dist/index.js';`, ['resolvable']],
  ['apps/bench/src/app.ts', `import '../../xdp-redirect-cpu/dist/index.js';`, ['no-import-of-an-app']],
  ['apps/xdp-redirect-cpu/dist/index.js', `export {};`, []],
]);

const folder = mkdtempSync(join(tmpdir(), 'layers-'));
try {
  for (const [file, text] of workspace) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const { forbidden, options } = configuration;
  const { output } = await cruise(['packages', 'apps'], {
    ...options,
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden },
  });
  assert(typeof output === 'object');
  for (const [file, , rules] of workspace) {
    /** @type {string[]} */
    const broken = output.summary.violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);
    assert.deepEqual([...new Set(broken)].sort(), rules, file);
  }
  console.log(`${workspace.length} files judged as they should be`);
} finally {
  rmSync(folder, { recursive: true });
}
