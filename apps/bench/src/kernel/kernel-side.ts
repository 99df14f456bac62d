/** Talks to the process that measures the kernel; knows why there is none where there is none. */
import { type ChildProcess, spawn } from 'node:child_process';
import { platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Side } from '../engine-side.ts';
import type { PathSpec, Round } from '../redirect-path.ts';
import type { KernelAnswer, KernelRequest } from './child.ts';

export interface KernelSide extends Side {
  /** Nanoseconds from flush to first frame seen, of single frames for a sleeping kthread. */
  wakeups(count: number): Promise<readonly number[]>;
}

export const KERNEL_CHILD = 'kernel-child';

/** Starts it; a text says why there is none. */
export async function kernelSide(path: PathSpec): Promise<KernelSide | string> {
  if (platform() !== 'linux') return `no Linux kernel: this is ${platform()}`;
  if (process.getuid!() !== 0)
    return 'measuring the kernel needs root: it makes a network namespace and loads programs';
  const script = fileURLToPath(new URL('./cli.js', import.meta.url));
  const child = spawn('unshare', ['--net', process.execPath, script, KERNEL_CHILD], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr!.on('data', (chunk) => {
    complaint += chunk;
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(complaint.trim().split('\n').at(-1) || 'the process ended')));
  });
  failed.catch(() => undefined); // whoever waits hears of it

  async function ask(request: KernelRequest | undefined): Promise<KernelAnswer> {
    const answer = new Promise<KernelAnswer>((resolve) => child.once('message', resolve as (message: unknown) => void));
    if (request !== undefined) child.send(request);
    return Promise.race([answer, failed]);
  }

  async function done(request: KernelRequest): Promise<Round | readonly number[] | null> {
    const answer = await ask(request);
    if ('error' in answer) throw new Error(`the kernel's side: ${answer.error}`);
    return answer.result;
  }

  try {
    await ask(undefined);
    await done({ op: 'build', path });
  } catch (error) {
    await ended(child);
    return (error as Error).message;
  }
  return {
    round: async (frames) => (await done({ op: 'round', frames })) as Round,
    wakeups: async (count) => (await done({ op: 'wakeups', count })) as readonly number[],
    close: () => ended(child),
  };
}

/** Lets the process go, and waits for its end. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.disconnect();
  await exited; // 'close' does not come when the channel was closed from here
}
