/** `scenario …`: what it prints, what it refuses, and what is left when it is stopped. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AutoscaleResult, DdosResult, ImbalanceResult, RanOnEngine } from '@cpumap/scenarios';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND, runCommand } from './support/command.ts';
import { describeOnLinux, tool } from './support/kernel.ts';
import { objectPath } from './support/objects.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-scenario-'));
afterAll(() => rmSync(scratch, { recursive: true }));

async function scenario(...args: string[]): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const { code: exitCode, ...written } = await runCommand(['scenario', ...args]);
  return { exitCode, ...written };
}
const OWN = `${fileURLToPath(new URL('./modules/inner-source.mjs', import.meta.url))}#innerSource`;

async function jsonOf<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await scenario(...args, '--json');
  expect([exitCode, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

describe('on the engine', () => {
  it('ddos shows one and two RX CPUs side by side, and which costs it used', async () => {
    const { exitCode, stdout } = await scenario('ddos');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^ +1 RX queue +2 RX queues$/m);
    expect(stdout).toMatch(/^missed by hardware +[\d,]+ \(2\d\.\d %\) +0 \(0 %\)$/m);
    expect(stdout).toMatch(/^legitimate delivered +[\d,]+ \(7\d\.\d %\) +14,881 \(100 %\)$/m);
    expect(stdout).toContain('costs published-2017');
    expect(stdout).toContain('published-2017: Sums: one CPU redirects about 11 Mpps');
  });

  it('ddos takes another capture, machine and rate', async () => {
    const result = await jsonOf<DdosResult<RanOnEngine>>(
      ...['ddos', '--cpus', '6', '--rx-queues', '3', '--rate', '5M', '--duration', '0.01', '--costs', 'published-2020'],
    );
    expect(result).toMatchObject({ cpus: 6, rate: 5e6, costs: { name: 'published-2020' } });
    expect(result.runs).toMatchObject([{ rxQueues: 3, remoteCpus: [3, 4, 5], offered: 50_000, missed: 0 }]);
  });

  it.each([
    ['its own program', [], 'steer_gre'],
    ['--program-mode', ['-p', 'auto'], 'steer_auto'],
    ['--module', ['--module', OWN], 'innerSource'],
  ])('imbalance is spread by %s', async (_, args, program) => {
    const { runs } = await jsonOf<ImbalanceResult<RanOnEngine>>(
      ...['imbalance', '--encapsulation', 'gre', '--duration', '0.01', ...args],
    );
    const [{ before, after, ...run }] = runs as [(typeof runs)[0]];
    expect(run).toMatchObject({ encapsulation: 'gre', program });
    expect(before.jain).toBeCloseTo(0.25);
    expect(after.jain).toBeGreaterThan(0.98);
    expect(after).toMatchObject({ missed: 0, queueFull: 0, refused: 0, outOfOrder: 0 });
  });

  it('imbalance takes an object, which here knows outer addresses alone', async () => {
    const { runs } = await jsonOf<ImbalanceResult<RanOnEngine>>(
      ...['imbalance', '--encapsulation', 'gre', '--duration', '0.005'],
      ...['--obj', objectPath('modern.o'), '--prog', 'xdp_spread'],
    );
    expect(runs).toMatchObject([{ program: 'xdp_spread', after: { jain: 0.25 } }]);
  });

  it('autoscale draws the load and the CPUs in use', { timeout: 60_000 }, async () => {
    const { exitCode, stdout } = await scenario('autoscale', '--load', 'spike', '--duration', '0.2');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^offered, frames\/s \(x lost\)$/m);
    expect(stdout).toMatch(/^ +4 \|/m);
    expect(stdout).toMatch(/^ {2}CPU time saved +\d\d\.\d %$/m);
    for (const line of stdout.split('\n').filter((text) => /[|+]/.test(text.slice(8, 11)))) {
      expect(line.length).toBeLessThanOrEqual(80);
    }
  });

  it('autoscale on threads counts every frame', { timeout: 60_000 }, async () => {
    const result = await jsonOf<AutoscaleResult<RanOnEngine>>(
      ...['autoscale', '--executor', 'threads', '--rate', '50k', '--duration', '0.4', '--costs', 'published-2017'],
    );
    for (const { offered, delivered, missed, queueFull } of [result.controlled, result.allOn]) {
      expect(delivered + missed + queueFull).toBe(offered);
    }
  });
});

describe('refused', () => {
  const noCapture = join(scratch, 'none.pcap');
  writeFileSync(noCapture, 'no capture');
  it.each<[string, string[], number, RegExp]>([
    ['no scenario', [], 2, /ddos.*imbalance.*autoscale/s],
    ['an unknown one', ['flood'], 2, /unknown command 'flood'/],
    ['an argument too many', ['ddos', 'x'], 2, /too many arguments/],
    ['rate 0', ['ddos', '--rate', '0'], 2, /a number of frames per second above 0/],
    ['a rate in words', ['imbalance', '--rate', 'fast'], 2, /a number of frames per second above 0/],
    ['no time', ['autoscale', '--duration', '0'], 2, /--duration is a number above 0/],
    ['too many CPUs', ['ddos', '--cpus', '257'], 2, /--cpus is a whole number from 2 to 256/],
    ['no CPU left', ['autoscale', '--cpus', '2', '--rx-queues', '2'], 2, /none is left to redirect to/],
    ['more than fits', ['ddos', '--cpus', '256', '--rx-queues', '128'], 5, /use fewer queues/],
    ['a capture that is not there', ['ddos', '--input', '/nowhere.pcap'], 1, /--input \/nowhere.pcap: no such file/],
    ['a file that is no capture', ['ddos', '--input', noCapture], 1, /not a pcap or pcapng file/],
    ['an unknown encapsulation', ['imbalance', '--encapsulation', 'l2tp'], 2, /Allowed choices are pppoe, qinq/],
    ['an unknown load', ['autoscale', '--load', 'weekly'], 2, /Allowed choices are daily, spike, ramp/],
    ['unknown costs', ['ddos', '--costs', 'free'], 2, /Allowed choices are published-2017/],
    [
      'costs that nothing asks for',
      ['imbalance', '--executor', 'threads', '--costs', 'this-machine'],
      2,
      /computes no CPU time/,
    ],
    ['two programs', ['imbalance', '-p', 'gre', '--obj', 'x.o'], 2, /exclude each other/],
    ['a program of no object', ['imbalance', '--prog', 'x'], 2, /--prog needs --obj FILE/],
    ['a module that is not there', ['imbalance', '--module', 'none.mjs'], 4, /--module none.mjs: Cannot find module/],
    ['an object that is none', ['imbalance', '--obj', noCapture], 1, /no ELF magic/],
    ['the machine of a kernel', ['ddos', '--backend', 'linux', '--cpus', '4'], 2, /--cpus: only the engine has that/],
    ['JavaScript in a kernel', ['imbalance', '--backend', 'linux', '--module', 'x'], 2, /--module: only the engine/],
  ])('%s', async (_, args, code, words) => {
    const { exitCode, stdout, stderr } = await scenario(...args);
    expect(stderr).toMatch(words);
    expect([exitCode, stdout]).toEqual([code, '']);
  });
});

describeOnLinux('on the running kernel', () => {
  it.each(['ddos', 'imbalance --encapsulation qinq', 'autoscale --duration 0.5'])('%s', async (args) => {
    const { exitCode, stdout } = await scenario(...args.split(' '), '--backend', 'linux');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Linux \d+\.\d+/m);
    expect(stdout).toMatch(/^-: /m);
  });

  it.each(['ddos', 'imbalance', 'autoscale'])('%s without root says what it takes', (name) => {
    const attempt = (): string =>
      tool('unshare', ['-U', process.execPath, COMMAND, 'scenario', name, '--backend', 'linux']);
    expect(attempt).toThrow(/EPERM.*run as root/);
  });
});
