/**
 * Brings a checkout to where its tools can run, with nothing but Node and npm at hand. A stamp in node_modules holds the
 * hash of the lockfile that was installed, so nothing is done, and no network is needed, until the lockfile changes.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { run } from './run.mjs';

export const root = resolve(import.meta.dirname, '../..');
const bin = join(root, 'node_modules/.bin');
const stamp = join(root, 'node_modules/.installed-lockfile');

/** The environment for the tools of the workspace: their commands come first in PATH, and none phones home. */
export const toolEnvironment = {
  ...process.env,
  PATH: `${bin}${delimiter}${process.env.PATH}`,
  DO_NOT_TRACK: '1',
  TURBO_TELEMETRY_DISABLED: '1',
};

/** Installs the dependencies if the lockfile is not the installed one. Throws if that fails. */
export async function ensureInstalled() {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfile) return;

  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const pnpm = packageManager.split('+')[0];
  const install = ['install', '--frozen-lockfile', '--prod=false', '--config.confirmModulesPurge=false'];
  await run('install', 'npx', ['--yes', pnpm, ...install], { cwd: root, env: toolEnvironment });
  writeFileSync(stamp, lockfile);
}

/**
 * Runs tasks of turbo.json for every package; what did not change comes from its cache. Throws if one fails.
 *
 * @param {string} step the name to print
 * @param {string[]} tasks
 */
export async function turbo(step, ...tasks) {
  const options = ['--output-logs=errors-only', '--continue=dependencies-successful'];
  await run(step, 'turbo', ['run', ...tasks, ...options], { cwd: root, env: toolEnvironment });
}
