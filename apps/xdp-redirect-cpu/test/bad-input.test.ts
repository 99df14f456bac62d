import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeCapture } from '@cpumap/nic';
import { afterAll, describe, expect, it } from 'vitest';
import { EVERYDAY, runCommand, summaryOf } from './support/command.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const everyday = readFileSync(EVERYDAY);
const modules = fileURLToPath(new URL('./modules/bad.mjs', import.meta.url));
const PKTGEN = ['--pktgen', 'rate=1k'];

function file(name: string, bytes: Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}

/** A classic pcap file with one frame for each length. */
function pcap(lengths: readonly number[], linkType = 1): Uint8Array {
  const parts = [Buffer.alloc(24)];
  parts[0]!.writeUInt32LE(0xa1b2c3d4, 0);
  parts[0]!.writeUInt16LE(2, 4);
  parts[0]!.writeUInt16LE(4, 6);
  parts[0]!.writeUInt32LE(65535, 16);
  parts[0]!.writeUInt32LE(linkType, 20);
  lengths.forEach((length, index) => {
    const record = Buffer.alloc(16 + length);
    record.writeUInt32LE(index, 0);
    record.writeUInt32LE(length, 8);
    record.writeUInt32LE(length, 12);
    parts.push(record);
  });
  return Buffer.concat(parts);
}

describe('options that are refused before anything is built', () => {
  it.each([
    ['an unknown option', [...PKTGEN, '--cpu', '1', '--frobnicate'], /unknown option '--frobnicate'/],
    ['an argument too many', [...PKTGEN, '--cpu', '1', 'eth0'], /too many arguments/],
    ['no --cpu', PKTGEN, /give --cpu N/],
    ['a redirect to nowhere', [...PKTGEN, '--cpu', '1', '-r', 'redirect'], /belong together/],
    ['a device without a redirect', [...PKTGEN, '--cpu', '1', '-D', 'eth1'], /belong together/],
    ['a redirect to itself', [...PKTGEN, '--cpu', '1', '-r', 'redirect', '-D', 'nic0'], /is --dev/],
    ['nothing to receive', ['--cpu', '1'], /--input FILE or --pktgen SPEC/],
    ['both inputs', [...PKTGEN, '--cpu', '1', '--input', 'x'], /exclude each other/],
    ['an unknown prognum', [...PKTGEN, '--cpu', '1', '--prognum', '6'], /--prognum is a whole number from 0 to 5/],
    ['an unknown mode', [...PKTGEN, '--cpu', '1', '-p', 'l5'], /Allowed choices are no-touch/],
    ['two programs', [...PKTGEN, '--cpu', '1', '-p', 'touch', '--prognum', '1'], /exclude each other/],
    [
      'a CPU that is not there',
      [...PKTGEN, '--cpus', '2', '--cpu', '2'],
      /--cpu 2: with --cpus 2 there are CPUs 0 to 1/,
    ],
    ['an RX CPU that is not there', [...PKTGEN, '--cpus', '2', '--cpu', '1', '--rx-cpu', '0,5'], /--rx-cpu 5/],
    ['a CPU beyond all', [...PKTGEN, '--cpu', '256'], /from 0 to 255/],
    ['a CPU twice', [...PKTGEN, '--cpu', '1', '--cpu', '1'], /CPU 1 is given twice/],
    ['a negative CPU', [...PKTGEN, '--cpu', '-1'], /from 0 to 255/],
    ['qsize 0', [...PKTGEN, '--cpu', '1', '--qsize', '0'], /from 1 to 16384/],
    ['qsize 16385', [...PKTGEN, '--cpu', '1', '--qsize', '16385'], /from 1 to 16384/],
    ['a negative qsize', [...PKTGEN, '--cpu', '1', '--qsize', '-5'], /from 1 to 16384/],
    ['a qsize that is no number', [...PKTGEN, '--cpu', '1', '--qsize', 'many'], /from 1 to 16384/],
    ['an unknown key of pktgen', ['--pktgen', 'rates=1', '--cpu', '1'], /no key 'rates'; allowed: rate, size/],
    ['a size below the smallest', ['--pktgen', 'size=60', '--cpu', '1'], /size/],
    ['an unknown release', [...PKTGEN, '--cpu', '1', '--release', '5.4'], /Allowed choices are 4.15, 6.18/],
    ['a second program in 4.15', [...PKTGEN, '--cpu', '1', '-r', 'drop', '--release', '4.15'], /Linux 5.9/],
    ['a ring that is too small', [...PKTGEN, '--cpu', '1', '--rx-ring', '4'], /from 8 to 8192/],
    ['no time between tables', [...PKTGEN, '--cpu', '1', '--sec', '0'], /--sec is a number above 0/],
  ])('%s is exit code 2', async (_, args, message) => {
    const finished = await runCommand(args);
    expect(finished.stderr).toMatch(message);
    expect(finished).toMatchObject({ code: 2, stdout: '' });
  });

  it('the largest qsize is accepted', async () => {
    const finished = await runCommand(['--input', EVERYDAY, '--cpu', '1', '--qsize', '16384', '--json']);
    expect(finished.code).toBe(0);
  });
});

describe('files that cannot be used', () => {
  it.each([
    ['a missing file', join(scratch, 'nowhere.pcap'), /no such file/],
    ['a folder', scratch, /EISDIR|directory/],
    ['an empty file', file('empty.pcap', new Uint8Array(0)), /empty/],
    ['a file of another kind', file('text.pcap', Buffer.from('this is no capture at all')), /pcap/],
    ['a header cut short', file('short.pcap', pcap([60]).subarray(0, 20)), /byte/],
    ['a capture without frames', file('none.pcap', pcap([])), /no frames/],
    ['another link type', file('cooked.pcap', pcap([60], 113)), /113/],
  ])('%s is exit code 1', async (_, path, message) => {
    const finished = await runCommand(['--input', path, '--cpu', '1']);
    expect(finished.stderr).toMatch(message);
    expect(finished).toMatchObject({ code: 1, stdout: '' });
  });

  it.each([0.1, 0.5, 0.9])(
    'a file cut at %f of its length gives the frames before the cut, and exit code 1',
    async (part) => {
      const cut = everyday.subarray(0, Math.floor(everyday.length * part));
      const kept = decodeCapture(cut).frames.length;
      const finished = await runCommand(['--input', file(`cut-${part}.pcapng`, cut), '--cpu', '1', '--json']);
      expect(kept).toBeGreaterThan(0);
      expect(finished.stderr).toMatch(/byte \d+.*the frames before it are used/);
      expect(finished.code).toBe(1);
      expect(summaryOf(finished)).toMatchObject({ rx: { packets: kept }, ledger: { balanced: true } });
      expect(summaryOf(finished).input_problem).toMatch(/byte \d+/);
    },
  );

  it('frames that no device takes are counted, and the run goes on', async () => {
    const path = file('lengths.pcap', pcap([60, 13, 1, 1522, 1523, 9000, 14]));
    const finished = await runCommand(['--input', path, '--cpu', '1', '--json']);
    expect(finished.code).toBe(0);
    expect(summaryOf(finished).rx).toMatchObject({ packets: 3, length_errors: 4, missed: 0 });
  });

  it('an output that cannot be written is exit code 1', async () => {
    const finished = await runCommand([
      '--input',
      EVERYDAY,
      '--cpu',
      '1',
      '--output',
      join(scratch, 'no', 'such', 'folder'),
    ]);
    expect(finished.stderr).toMatch(/--output .* cannot be written/);
    expect(finished).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('code that misbehaves', () => {
  const run = (...args: string[]) => runCommand(['--input', EVERYDAY, '--cpu', '1', '--json', ...args]);
  const frames = decodeCapture(everyday).frames.length;

  it.each(['threads', 'virtual'])(
    'a program that throws aborts that frame and the run goes on (%s)',
    async (executor) => {
      const finished = await run('--module', `${modules}#throwsAtEveryThird`, '--executor', executor);
      const summary = summaryOf(finished);
      const thrown = Math.floor(frames / 3);
      expect(finished.code).toBe(0);
      expect(summary.xdp).toMatchObject({ aborted: thrown, pass: frames - thrown });
      expect(summary.exception).toBe(thrown);
      expect(summary.ledger.balanced).toBe(true);
      expect(summary.errors.join()).toMatch(/threw Error: the third one/);
    },
  );

  it('a handler that throws loses that frame, counted, and the run goes on', async () => {
    const finished = await run('--handler', `${modules}#throwingHandler`);
    const summary = summaryOf(finished);
    expect(finished.code).toBe(0);
    expect(summary).toMatchObject({ exception: frames, ledger: { balanced: true, in_flight: 0 } });
    expect(summary.kthread).toMatchObject([{ processed: frames, delivered: 0 }]);
    expect(summary.errors.join()).toMatch(/packet handler on CPU 1 threw Error: no thanks/);
  });

  it('a CPU that dies ends the run with an error that names it, its frames counted as lost', async () => {
    const finished = await run('--module', `${modules}#dies`, '--loop');
    const summary = summaryOf(finished);
    expect(finished.code).toBe(1);
    expect(finished.stderr).toMatch(/CPU 0 died/);
    expect(summary.ledger.lost).toMatchObject([{ cpu: 0 }]);
    expect(summary.ledger.lost[0]!.frames).toBeGreaterThan(0);
    expect(summary.ledger.balanced).toBe(false);
  });

  it.each([
    ['a module that is not there', '/nowhere.mjs#x', /nowhere/],
    ['an export that is not there', `${modules}#nothing`, /exports no function 'nothing'/],
    ['an export that is no function', `${modules}#notAFactory`, /exports no function 'notAFactory'/],
    ['a factory that makes nothing', `${modules}#makesNothing`, /must return a function/],
  ])('%s is exit code 4', async (_, module, message) => {
    const finished = await run('--module', module);
    expect(finished.stderr).toMatch(message);
    expect(finished).toMatchObject({ code: 4, stdout: '' });
  });
});
