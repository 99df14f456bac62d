/** Runs the built command as a user does: a process with arguments, input and signals. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Summary } from 'xdp-redirect-cpu';

export const COMMAND = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
export const EVERYDAY = fileURLToPath(new URL('../../captures/everyday.pcapng', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when standard output holds the text, to all of it so far. */
  printed(text: string): Promise<string>;
}

export function start(args: readonly string[], input?: Uint8Array): Running {
  return watchProcess(spawn(process.execPath, [COMMAND, ...args], { stdio: 'pipe' }), input);
}

/** Collects what a process prints. */
export function watchProcess(child: ChildProcessWithoutNullStreams, input?: Uint8Array): Running {
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    for (const watch of watchers) watch();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => undefined); // it may end without reading all of it
  child.stdin.end(input);
  const finished = new Promise<Finished>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    child,
    finished,
    printed(text) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (!stdout.includes(text)) return;
          watchers.delete(look);
          resolve(stdout);
        };
        watchers.add(look);
        look();
      });
    },
  };
}

export function runCommand(args: readonly string[], input?: Uint8Array): Promise<Finished> {
  return start(args, input).finished;
}

/** The last object of a --json run. */
export function summaryOf({ stdout }: Finished): Summary {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Summary;
}
