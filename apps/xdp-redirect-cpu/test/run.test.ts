import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeCapture } from '@cpumap/nic';
import { describe, expect, it } from 'vitest';
import { EVERYDAY, runCommand, start, summaryOf } from './support/command.ts';

const everyday = decodeCapture(readFileSync(EVERYDAY));
const FRAMES = everyday.frames.length;
const BYTES = everyday.frames.reduce((bytes, { data }) => bytes + data.length, 0);
const TWO_CPUS = ['--cpus', '3', '--cpu', '1', '--cpu', '2'];

describe.each(['threads', 'virtual'])('the bundled capture, %s', (executor) => {
  const run = (...args: string[]) =>
    runCommand(['--input', EVERYDAY, ...TWO_CPUS, '--executor', executor, '--json', ...args]);

  it('is received, redirected and delivered whole', async () => {
    const finished = await run('--prognum', '5');
    const summary = summaryOf(finished);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(summary.rx).toEqual({ packets: FRAMES, bytes: BYTES, missed: 0, length_errors: 0 });
    expect(summary.xdp).toEqual({ aborted: 0, drop: 0, pass: 0, tx: 0, redirect: FRAMES, redirect_err: 0 });
    expect(summary.enqueue).toMatchObject({ processed: FRAMES, drops: 0 });
    expect(summary.kthread.map(({ cpu }) => cpu)).toEqual([1, 2]);
    expect(summary.kthread.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(FRAMES);
    expect(summary.ledger).toEqual({ balanced: true, in_flight: 0, lost: [], problems: [] });
    expect(summary).toMatchObject({ exception: 0, executor, release: '6.18', program: 'lb_hash_ip_pairs', errors: [] });
    expect(summary.seconds).toBeGreaterThan(0);
  });

  it('comes in on standard input as well', async () => {
    const finished = await runCommand(
      ['--input', '-', ...TWO_CPUS, '--executor', executor, '--json'],
      readFileSync(EVERYDAY),
    );
    expect(finished.code).toBe(0);
    expect(summaryOf(finished).rx.packets).toBe(FRAMES);
  });

  it('loops up to a count', async () => {
    const summary = summaryOf(await run('--loop', '--count', '5000', '--rx-queues', '2'));
    expect(summary.rx.packets).toBe(5000);
    expect(summary.ledger.balanced).toBe(true);
  });

  it('is dropped by the second program when that is asked for', async () => {
    const summary = summaryOf(await run('--remote-action', 'drop'));
    expect(summary.kthread).toMatchObject([{ cpu: 1, processed: FRAMES, xdp_drop: FRAMES, delivered: 0 }]);
    expect(summary.ledger.balanced).toBe(true);
  });

  it('leaves by another device when the second program redirects it there', async () => {
    const summary = summaryOf(await run('--remote-action', 'redirect', '--redirect-device', 'eth1'));
    expect(summary.kthread).toMatchObject([{ cpu: 1, processed: FRAMES, xdp_redirect: FRAMES, delivered: 0 }]);
    expect(summary.tx.packets).toBe(FRAMES);
    expect(summary.ledger.balanced).toBe(true);
  });

  it('behaves as 4.15 did: generic XDP knows no cpumap', async () => {
    const summary = summaryOf(await run('--release', '4.15', '--skb-mode'));
    expect(summary.xdp).toMatchObject({ redirect: 0, redirect_err: FRAMES });
    expect(summary.ledger.balanced).toBe(true);
  });

  it('behaves as 6.18 does: generic XDP redirects sk_buffs one by one', async () => {
    const summary = summaryOf(await run('--skb-mode'));
    expect(summary.xdp.redirect).toBe(FRAMES);
    expect(summary.enqueue).toMatchObject({ processed: FRAMES, events: FRAMES, bulk_average: 1 });
  });

  it('survives stress mode', async () => {
    const finished = await run('--loop', '--duration', '0.3', '--sec', '0.05', '--stress-mode');
    expect(finished.code).toBe(0);
    expect(summaryOf(finished).ledger).toMatchObject({ balanced: true, in_flight: 0 });
  });
});

describe('virtual runs', () => {
  const trace = (seed: string) =>
    runCommand(
      ['--pktgen', 'rate=1M,flows=9', ...TWO_CPUS, '-p', 'round-robin', '--executor', 'virtual'].concat(
        '--duration',
        '0.002',
        '--debug',
        '--seed',
        seed,
      ),
    );

  it('repeat themselves to the byte, and differ by seed', async () => {
    const [first, again, other] = await Promise.all([trace('7'), trace('7'), trace('8')]);
    expect(first.stdout).toContain('xdp_cpumap_kthread: kthread cpu=1');
    expect(again.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
  });

  it('keep to the rate and the duration of the virtual clock', async () => {
    const finished = await runCommand([
      '--pktgen',
      'rate=500k',
      '--cpu',
      '1',
      '--executor',
      'virtual',
      '--duration',
      '0.5',
      '--sec',
      '0.1',
      '--json',
    ]);
    const lines = finished.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ type }) => type)).toEqual(['setup', ...new Array(5).fill('interval'), 'summary']);
    expect(lines.at(-1).seconds).toBeCloseTo(0.5, 3);
    expect(lines.at(-1).rx.packets).toBeGreaterThan(249_900);
    expect(lines.at(-1).rx.packets).toBeLessThanOrEqual(250_001);
  });
});

describe.each(['flows=1', 'flows=1000'])('a flood that nobody can take (%s)', (flows) => {
  it('is counted as missed, frame for frame', async () => {
    const args = [
      '--pktgen',
      `rate=1G,${flows}`,
      '--cpu',
      '1',
      '--executor',
      'virtual',
      '--duration',
      '0.01',
      '--json',
    ];
    const { rx, ledger } = summaryOf(await runCommand(args));
    expect(rx.packets + rx.missed).toBeGreaterThan(9_990_000);
    expect(rx.packets + rx.missed).toBeLessThanOrEqual(10_000_001);
    expect(rx.missed).toBeGreaterThan(rx.packets);
    expect(ledger).toMatchObject({ balanced: true, in_flight: 0 });
  });
});

describe('signals', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends an endless run with its summary and 0', async (signal) => {
    const running = start(['--pktgen', 'rate=10k', '--cpu', '1', '--sec', '0.1', '--json']);
    await running.printed('"interval"');
    running.child.kill(signal);
    const finished = await running.finished;
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(summaryOf(finished).ledger).toMatchObject({ balanced: true, in_flight: 0 });
  });

  it('a second one ends at once a run that cannot stop', async () => {
    const module = `${fileURLToPath(new URL('./modules/bad.mjs', import.meta.url))}#neverReturns`;
    const running = start(['--module', module, '--pktgen', 'rate=1k', '--cpu', '1', '--sec', '0.1', '--json']);
    await running.printed('"interval"');
    running.child.kill('SIGINT');
    const again = setInterval(() => running.child.kill('SIGINT'), 50);
    const finished = await running.finished;
    clearInterval(again);
    expect(finished.code).toBe(130);
    expect(finished.stdout).not.toContain('"summary"');
  });
});
