/**
 * `npm start`: installs and builds what is missing, then spreads a small everyday capture over CPUs, or does what the
 * arguments say.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, root, turbo } from './install.mjs';
import { StepFailed } from './run.mjs';

try {
  await ensureInstalled();
  await turbo('build', 'build');
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.exit(1);
}

const app = join(root, 'apps/xdp-redirect-cpu');
const wanted = process.argv.slice(2);
// a command of its own (scenario, explain, …), or options for the job
const job = /^[a-z]/.test(wanted[0] ?? '')
  ? []
  : [
      ...['--input', join(app, 'captures/everyday.pcapng')],
      ...['--cpus', '3', '--cpu', '1', '--cpu', '2', '--prognum', '5'],
    ];
const child = spawn(process.execPath, [join(app, 'dist/cli.js'), ...job, ...wanted], {
  stdio: 'inherit',
});
// End when the command ends, and pass on what it was not told itself: a terminal sends Ctrl-C to both.
let told = process.stdin.isTTY;
process.on('SIGINT', () => {
  if (!told) told = child.kill('SIGINT');
});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
