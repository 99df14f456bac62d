/** start: from starting the command to the first line of its table. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

const FIRST_LINE = 'XDP-cpumap';
const require = createRequire(import.meta.url);

function once(command: string): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, [command, '--pktgen', 'rate=1k', '--cpu', '1', '--duration', '0.2']);
  return new Promise((resolve, reject) => {
    let output = '';
    let seen = 0;
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (seen === 0 && output.includes(FIRST_LINE)) seen = performance.now() - begin;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && seen > 0) resolve(seen);
      else reject(new Error(`the command ended with ${code} and printed: ${output}`));
    });
  });
}

export const start: Suite = {
  name: 'start',
  what: 'xdp-redirect-cpu, from its start to the first line of its table',
  async run({ smoke, rounds = smoke ? 1 : 10 }) {
    const command = join(dirname(require.resolve('xdp-redirect-cpu/package.json')), 'dist', 'cli.js');
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) times.push(await once(command));
    return { figures: [{ name: 'first line', unit: 'ms', ...spreadOf(times) }] };
  },
};
