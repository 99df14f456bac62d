/**
 * `npm test`: every check of the workspace, one after the other, also when one fails. Ends with the line
 * `N passed, N failed` (and `, N skipped`), in which each check counts as one and each test as one.
 *
 *   node tooling/check/run.mjs [--only NAME]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureInstalled, root, toolEnvironment, turbo } from '../bootstrap/install.mjs';
import { run, StepFailed } from '../bootstrap/run.mjs';

/** @param {string} name @param {string} command @param {string[]} args */
const tool = (name, command, ...args) => run(name, command, args, { cwd: root, env: toolEnvironment });
const total = { passed: 0, failed: 0, skipped: 0 };

/** @type {Record<string, () => Promise<void>>} */
const checks = {
  build: () => turbo('build', 'build'),
  typecheck: () => turbo('typecheck', 'typecheck', 'typecheck:tooling'),
  lint: () => tool('lint', 'pnpm', 'run', 'lint'),
  layers: () => tool('layers', 'depcruise', 'packages', 'apps', '--no-progress', '--output-type', 'err-long'),
  'layers-self-test': () => tool('layers-self-test', 'node', 'tooling/layers/self-test.mjs'),
  knip: () => tool('knip', 'knip'),
  // comments that the reference of all packages is made from
  api: () => tool('api', 'typedoc', '--options', 'tooling/docs/typedoc.json', '--emit', 'none'),
  // publint and attw on what would be published
  packages: () => turbo('packages', 'check:package'),
};

/** The tests write what they did as they go, so that a long run shows where it is. */
function tests() {
  const folder = mkdtempSync(join(tmpdir(), 'cpumap-check-'));
  const summary = join(folder, 'summary.json');
  const { status } = spawnSync('vitest', ['run'], {
    cwd: root,
    env: { ...toolEnvironment, CPUMAP_TEST_SUMMARY: summary },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const counts = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
  rmSync(folder, { recursive: true });
  total.passed += counts.passed;
  total.skipped += counts.skipped;
  // a run that fails without a failed test (it crashed, say) is one failure
  total.failed += status === 0 ? counts.failed : Math.max(counts.failed, 1);
}

/** @param {() => Promise<void>} check @returns whether it passed */
async function count(check) {
  try {
    await check();
    total.passed++;
    return true;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    total.failed++;
    return false;
  }
}

const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
if (only !== undefined && only !== 'test' && !(only in checks)) {
  console.error(`no check is called ${only}; there are: ${[...Object.keys(checks), 'test'].join(', ')}`);
  process.exit(2);
}

try {
  await ensureInstalled();
  let built = true;
  for (const [name, check] of Object.entries(checks)) {
    // most checks read what the build wrote
    if (only !== undefined && only !== name && name !== 'build') continue;
    const passed = await count(check);
    if (name === 'build') built = passed;
  }
  if (built && (only === undefined || only === 'test')) tests();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  total.failed++;
}
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 ? 1 : 0;
