import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { expect, it } from 'vitest';
import { COMMAND, EVERYDAY, runCommand } from './support/command.ts';

interface Session {
  readonly raw: string;
  readonly screen: readonly string[];
  readonly code: number;
}

/** Runs the command in a terminal of the given size and returns what stands on its screen at the end. */
async function inTerminal(args: readonly string[], cols: number, rows: number): Promise<Session> {
  const terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 500 });
  const pty = spawn(process.execPath, [COMMAND, ...args], { cols, rows, name: 'xterm-256color' });
  let raw = '';
  pty.onData((data) => {
    raw += data;
    terminal.write(data);
  });
  const { exitCode } = await new Promise<{ exitCode: number }>((resolve) => pty.onExit(resolve));
  await new Promise<void>((resolve) => terminal.write('', resolve));
  const buffer = terminal.buffer.active;
  const screen = Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)!.translateToString(true));
  terminal.dispose();
  return { raw, screen, code: exitCode };
}

const ENDLESS = ['--pktgen', 'rate=100k', '--cpu', '1', '--duration', '0.5', '--sec', '0.1'];

it('a terminal shows one table, drawn in place', async () => {
  const { raw, screen, code } = await inTerminal(ENDLESS, 100, 40);
  expect(code).toBe(0);
  expect(raw.match(/XDP-cpumap/g)!.length).toBeGreaterThan(3); // drawn again and again,
  expect(screen.filter((line) => line.startsWith('XDP-cpumap'))).toHaveLength(1); // but standing there once
  expect(screen.find((line) => line.startsWith('XDP-RX          total'))).toMatch(/total\s+\d{2,3},\d{3}\s/);
  expect(screen.some((line) => line.includes('Ledger') && line.includes('balanced'))).toBe(true);
  expect(raw).toContain('\x1b[1m');
});

it('a small terminal cuts the table instead of breaking it', async () => {
  const { screen, code } = await inTerminal(ENDLESS, 30, 8);
  expect(code).toBe(0);
  expect(screen.filter((line) => line.startsWith('XDP-cpumap')).length).toBeLessThanOrEqual(1);
});

it('a pipe gets plain blocks', async () => {
  const { stdout } = await runCommand(['--input', EVERYDAY, '--cpu', '1']);
  expect(stdout).not.toContain('\x1b');
  expect(stdout).toMatch(/^XDP-cpumap {6}CPU:to {2}pps {12}drop-pps {4}extra-info$/m);
});

it('--no-separators prints bare numbers', async () => {
  const args = ['--pktgen', 'rate=200k', '--cpu', '1', '--executor', 'virtual', '--duration', '0.1'];
  const [bare, grouped] = await Promise.all([runCommand([...args, '--no-separators']), runCommand(args)]);
  expect(grouped.stdout).toMatch(/XDP-RX {10}total {3}\d+,\d{3}/);
  expect(bare.stdout).toMatch(/XDP-RX {10}total {3}\d{5,}/);
});
