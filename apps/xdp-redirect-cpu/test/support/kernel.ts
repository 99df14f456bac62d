/**
 * A network namespace for a test of --backend linux: a process that holds it, and commands that run inside. It ends with
 * that process, and everything in it. Nothing outside is touched.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe } from 'vitest';
import { COMMAND, type Running, watchProcess } from './command.ts';

/** Runs a program of the system to its end: its output, or an error with `status` and `stderr`. */
export function tool(program: string, args: readonly string[], input = ''): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe', input });
}

const startTool = (program: string, args: readonly string[]) => spawn(program, args, { stdio: 'pipe' });

function problem(): string | undefined {
  if (process.platform !== 'linux') return 'it is not Linux';
  try {
    const attempt = ['-n', process.execPath, COMMAND, '--backend', 'linux', '--dev', 'lo', '--cpu', '1'];
    tool('unshare', [...attempt, '--skb-mode', '--duration', '0.01']);
    tool('python3', ['-c', 'import socket']);
    tool('ip', ['-V']);
    return undefined;
  } catch (error) {
    return `no kernel to ask (it takes root, two CPUs, unshare, ip and python3): ${(error as Error).message.split('\n').slice(0, 2).join(': ')}`;
  }
}

const reason = problem();
if (reason !== undefined) process.stderr.write(`SKIPPED: ${reason}\n`);

/** `describe` with the running kernel. */
export function describeOnLinux(name: string, tests: () => void): void {
  describe.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, tests);
}

/** Reads frames as lines of hex, sends them on the interface that it is told, and says how many after the last. */
const SENDER = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
print(sum(1 for line in sys.stdin if s.send(bytes.fromhex(line.strip()))))
`;

/** Asks a server for JSON, by POST if there is a value to send; prints the status and the answer. */
const REQUEST = `
const [url, body] = process.argv.slice(1);
const headers = { 'content-type': 'application/json', 'x-cpumap-dashboard': '1' };
const response = await fetch(url, body === undefined ? {} : { method: 'POST', headers, body });
console.log(JSON.stringify({ status: response.status, body: await response.json() }));
`;

export interface Namespace {
  /** Runs a command to its end. */
  run(command: string): string;
  /** Starts xdp-redirect-cpu. */
  start(args: readonly string[]): Running;
  /** Sends frames on an interface; returns how many were sent. */
  send(device: string, frames: readonly Uint8Array[]): number;
  /** Asks a page of --web that is served inside. */
  ask(url: string, value?: unknown): { readonly status: number; readonly body: unknown };
  close(): void;
}

export async function createNamespace(): Promise<Namespace> {
  const holder = startTool('unshare', ['-n', 'sh', '-c', 'echo there; exec sleep infinity']);
  await new Promise((resolve) => createInterface(holder.stdout).once('line', resolve));
  const inside = ['-t', String(holder.pid), '-n'];
  return {
    run: (command) => tool('nsenter', [...inside, ...command.split(' ')]),
    // nsenter becomes the command: signals reach it
    start: (args) => watchProcess(startTool('nsenter', [...inside, process.execPath, COMMAND, ...args])),
    send(device, frames) {
      const input = frames.map((frame) => Buffer.from(frame).toString('hex')).join('\n');
      return Number(tool('nsenter', [...inside, 'python3', '-c', SENDER, device], input));
    },
    ask(url, value) {
      const node = [process.execPath, '--input-type=module', '-e', REQUEST, url];
      const body = value === undefined ? [] : [JSON.stringify({ value })];
      return JSON.parse(tool('nsenter', [...inside, ...node, ...body]));
    },
    close: () => void holder.kill('SIGKILL'),
  };
}
