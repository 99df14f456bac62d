import { spawn } from 'node:child_process';

/**
 * Runs one step: prints a line with its name, how it ended and its time; all that it wrote is printed only if it failed.
 *
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<void>} rejects with StepFailed when the command does not end with 0
 */
export async function run(name, command, args, { cwd, env }) {
  const start = performance.now();
  /** @type {Buffer[]} */
  const output = [];
  const code = await new Promise((done) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      done(127);
    });
    child.on('close', done);
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.error(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    throw new StepFailed(name);
  }
}

export class StepFailed extends Error {
  /** @param {string} name */
  constructor(name) {
    super(`${name} failed`);
    this.name = 'StepFailed';
  }
}
