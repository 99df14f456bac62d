/** What a person at a terminal sees, and what their keys do; what a pipe gets instead. */
import { expect, it } from 'vitest';
import { EVERYDAY, runCommand } from '../support/command.ts';
import { startInTerminal } from '../support/terminal.ts';

const TWO_CPUS = ['--pktgen', 'rate=100k,flows=64', '--cpu', '1', '--cpu', '2', '--program-mode', 'l4-hash'];
const LIVE = [...TWO_CPUS, '--sec', '0.1'];

const ESCAPE = '\x1b';

/** The bars' rows: CPU, state, then the rest. */
const BAR = /^\s+(\d+) (active|parked)/;
const barsOf = (screen: readonly string[]): string[] => screen.filter((line) => BAR.test(line));
const running = (screen: readonly string[]): boolean => barsOf(screen).some((line) => line.includes('█'));

it('shows the table and bars on a screen of their own, and leaves the last table', async () => {
  const run = startInTerminal([...LIVE, '--duration', '1'], 100, 40);
  const screen = await run.until('bars', running);
  expect(run.kind()).toBe('alternate');
  expect(screen[0]).toBe('Running XDP/eBPF program:lb_hash_ip_pairs');
  expect(screen.find((line) => line.startsWith('XDP-RX          total'))).toMatch(/total\s+\d{2,3},\d{3}\s/);
  expect(barsOf(screen)).toHaveLength(2);
  expect(screen.filter((line) => line !== '').at(-1)).toContain('p pause  s sort by cpu  d details  q quit');
  const { code, lines } = await run.ended();
  expect(code).toBe(0);
  expect(run.kind()).toBe('normal');
  expect(lines.filter((line) => line.startsWith('XDP-cpumap'))).toHaveLength(1);
  expect(lines.some((line) => line.startsWith('Add-new CPU:1'))).toBe(true);
  expect(lines.some((line) => line.includes('Ledger') && line.includes('balanced'))).toBe(true);
  expect(run.raw.match(/XDP-cpumap/g)!.length).toBeGreaterThan(3); // it was drawn again and again
});

it('stands still while it is paused, and ends by q with the summary', async () => {
  const run = startInTerminal(LIVE, 100, 40);
  await run.until('bars', running);
  run.press('p');
  const paused = await run.until('PAUSED', (screen) => screen.some((line) => line.includes('PAUSED')));
  const drawn = run.raw.length;
  run.press('x'); // no key of ours
  run.press('s'); // draws: with the same numbers
  const sorted = await run.until('another order', (screen) => screen.some((line) => line.includes('sort by rate')));
  expect(run.raw.length).toBeGreaterThan(drawn);
  expect([...barsOf(sorted)].sort()).toEqual([...barsOf(paused)].sort());
  run.press(' ');
  await run.until('new numbers', (screen) => running(screen) && barsOf(screen).join() !== barsOf(sorted).join());
  run.press('q');
  const { code, lines } = await run.ended();
  expect(code).toBe(0);
  expect(lines.some((line) => line.includes('balanced'))).toBe(true);
});

it('sorts by rate, and shows details', async () => {
  const run = startInTerminal(LIVE, 100, 40);
  await run.until('bars', running);
  run.press('s');
  await run.until('the order of rates', (screen) => {
    const rates = barsOf(screen).map((line) => Number(line.split(/\s+/)[3]!.replaceAll(',', '')));
    return screen.some((line) => line.includes('sort by rate')) && rates.length === 2 && rates[0]! >= rates[1]!;
  });
  expect(run.screen().some((line) => line.startsWith('waiting'))).toBe(false);
  run.press('d');
  await run.until('rows of details', (screen) => screen.some((line) => line.startsWith('waiting')));
  run.press('\x1c'); // Ctrl-\
  await run.until('no details', (screen) => !screen.some((line) => line.startsWith('waiting')));
  run.press('\x03'); // Ctrl-C
  expect((await run.ended()).code).toBe(0);
});

it('follows the size of the terminal', async () => {
  const run = startInTerminal(LIVE, 120, 40);
  await run.until('bars', running);
  for (const [cols, rows] of [
    [60, 16],
    [30, 10],
    [100, 24],
  ] as const) {
    run.resize(cols, rows);
    const whole = `status line of ${cols} columns`;
    const screen = await run.until(whole, (lines) => {
      const used = lines.filter((line) => line !== '');
      const status = used.at(-1) ?? '';
      return (
        lines[0]!.startsWith('Running XDP') &&
        status.includes(cols < 60 ? ' p s d q' : 'd details') &&
        used.filter((line) => line.startsWith('CPU ')).length === 1
      );
    });
    expect(screen.length).toBe(rows);
  }
  run.press('q');
  expect((await run.ended()).code).toBe(0);
});

it('gives the terminal back while it is stopped, and goes on', async () => {
  const run = startInTerminal(LIVE, 100, 40);
  await run.until('bars', running);
  run.press('\x1a'); // Ctrl-Z
  await run.until('the first screen', (screen) => screen.some((line) => line.startsWith('Add-new CPU:1')));
  expect(run.kind()).toBe('normal');
  run.signal('SIGCONT');
  await run.until('bars again', (screen) => run.kind() === 'alternate' && running(screen));
  run.press('q');
  const { code, lines } = await run.ended();
  expect(code).toBe(0);
  expect(lines.filter((line) => line.startsWith('XDP-cpumap'))).toHaveLength(1);
});

it('says CPU, rate and drops in 20 columns', async () => {
  const run = startInTerminal([...LIVE, '--duration', '1'], 20, 8);
  const screen = await run.until('rates', (lines) => lines.some((line) => /^ {2}1 +\d+(\.\d+)?k +0$/.test(line)));
  expect(screen).toContain('CPU frames  drops');
  expect((await run.ended()).code).toBe(0);
});

it('marks a ring that drops, in red unless NO_COLOR is set', async () => {
  const slow = new URL('../modules/slow.mjs', import.meta.url).pathname;
  const args = [
    '--pktgen',
    'rate=300k',
    '--cpu',
    '1',
    '--qsize',
    '8',
    '--handler',
    slow,
    '--sec',
    '0.1',
    '--duration',
    '1',
  ];
  const [coloured, plain] = [startInTerminal(args, 100, 30), startInTerminal(args, 100, 30, { NO_COLOR: '1' })];
  await Promise.all([coloured.ended(), plain.ended()]);
  const colours = (raw: string): string[] => raw.split(ESCAPE).filter((part) => /^\[\d*m/.test(part));
  expect(colours(coloured.raw).some((part) => /^\[31m\s*[1-9][\d,]*$/.test(part))).toBe(true); // drops in red
  expect(colours(plain.raw)).toEqual([]);
});

it('a pipe gets plain blocks', async () => {
  const { stdout } = await runCommand(['--input', EVERYDAY, '--cpu', '1']);
  expect(stdout).not.toContain('\x1b');
  expect(stdout).toMatch(/^XDP-cpumap {6}CPU:to {2}pps {12}drop-pps {4}extra-info$/m);
});

it('--json in a terminal is lines of JSON', async () => {
  const run = startInTerminal([...LIVE, '--duration', '0.5', '--json'], 4000, 30);
  const { code, lines } = await run.ended();
  expect(code).toBe(0);
  expect(run.raw).not.toContain('\x1b[?1049h');
  for (const line of lines.filter((each) => each !== '')) JSON.parse(line);
});

it('--no-separators prints bare numbers', async () => {
  const args = ['--pktgen', 'rate=200k', '--cpu', '1', '--executor', 'virtual', '--duration', '0.1'];
  const [bare, grouped] = await Promise.all([runCommand([...args, '--no-separators']), runCommand(args)]);
  expect(grouped.stdout).toMatch(/XDP-RX {10}total {3}\d+,\d{3}/);
  expect(bare.stdout).toMatch(/XDP-RX {10}total {3}\d{5,}/);
});
