import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EVERYDAY, runCommand } from './support/command.ts';
import { objectPath } from './support/objects.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const MODERN = objectPath('modern.o');
const SEED = objectPath('seed-style.o');
const object = readFileSync(MODERN);
const RUN = ['--input', EVERYDAY, '--cpu', '1', '--executor', 'virtual'];
const FRAME = '00'.repeat(60);

function file(name: string, bytes: Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}
function patched(name: string, at: number, byte: number): string {
  const copy = new Uint8Array(object);
  copy[at] = byte;
  return file(name, copy);
}

/** Each command on a file. */
const COMMANDS: [string, (path: string) => string[]][] = [
  ['inspect', (path) => ['inspect', path]],
  ['disasm', (path) => ['disasm', path]],
  ['verify', (path) => ['verify', path]],
  ['test-run', (path) => ['test-run', path, 'xdp_spread', '--data', FRAME]],
  ['--obj', (path) => ['--obj', path, ...RUN]],
];

const FILES: [string, string, RegExp][] = [
  ['a file that is not there', join(scratch, 'nowhere.o'), /nowhere\.o: no such file/],
  ['a folder', scratch, /EISDIR|directory/],
  ['an empty file', file('empty.o', new Uint8Array(0)), /empty\.o\+0x0: .*ELF magic/],
  ['text', file('text.o', Buffer.from('#include <linux/bpf.h>')), /text\.o\+0x0: no ELF magic .*clang -target bpf/],
  ['a capture', EVERYDAY, /everyday\.pcapng\+0x0: no ELF magic/],
  ['a 32-bit object', patched('bits.o', 4, 1), /bits\.o\+0x4: ELF class 1 \(32-bit\), not 64-bit/],
  ['a big-endian object', patched('endian.o', 5, 2), /endian\.o\+0x5: big-endian, .*bpfel/],
  ['an object for another machine', patched('machine.o', 18, 62), /machine\.o\+0x12: machine 62, not EM_BPF/],
  ['a linked program', patched('type.o', 16, 2), /type\.o\+0x10: ELF type 2, not a relocatable object/],
  ['an object cut short', file('cut.o', object.subarray(0, 20_000)), /cut\.o.*\+0x[0-9a-f]+: .*\(truncated\)/],
];

describe.each(COMMANDS)('%s', (_, args) => {
  it.each(FILES)('%s is one line and exit code 1', async (_what, path, message) => {
    const finished = await runCommand(args(path));
    expect(finished.stderr).toMatch(message);
    expect(finished.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(finished).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('a program that the verifier refuses', () => {
  // bpf_redirect_map becomes a helper that is not there
  const at = object.indexOf(Buffer.from([0x85, 0, 0, 0, 51, 0, 0, 0]));
  const path = patched('refused.o', at + 4, 0xfe);

  it.each([
    ['--obj', ['--obj', path, '--prog', 'xdp_spread', ...RUN]],
    ['test-run', ['test-run', path, 'xdp_spread', '--data', FRAME]],
  ])('%s names file, program and verdict, and who shows the log', async (_, args) => {
    const { code, stderr, stdout } = await runCommand(args);
    expect(stderr).toMatch(
      /EINVAL.*refused\.o, program xdp_spread \(section xdp\).*func .*#254.*'verify' shows the whole log\n$/,
    );
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
  });

  it('verify shows the log', async () => {
    const { code, stderr, stdout } = await runCommand(['verify', path, 'xdp_spread']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^xdp_spread \(xdp\): refused: .*\n(.*\n)*\d+: \(85\) call 0xfe\n.*#254\nprocessed/);
  });
});

describe('an object that is cut anywhere', () => {
  const offsets = Array.from({ length: 12 }, (_, i) => Math.floor((object.length * i) / 12) + i);
  it.each(offsets)('at byte %i says which file and where', async (at) => {
    const finished = await runCommand(['inspect', file(`cut-${at}.o`, object.subarray(0, at))]);
    expect(finished.stderr).toMatch(
      new RegExp(`^xdp-redirect-cpu: cut-${at}\\.o( section \\S+)?\\+0x[0-9a-f]+: .*\\n$`),
    );
    expect(finished).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('what is asked of an object that it does not have', () => {
  it.each([
    [
      'no such program to disassemble',
      ['disasm', MODERN, 'nope'],
      1,
      /modern\.o.*no program nope.*there is xdp_spread/,
    ],
    ['no such program to run', ['test-run', MODERN, 'nope', '--data', FRAME], 1, /no program nope/],
    ['a program for entries', ['test-run', MODERN, 'remote_filter', '--data', FRAME], 4, /EINVAL.*put it in an entry/],
    ['a tracing program', ['test-run', MODERN, 'on_enqueue', '--data', FRAME], 4, /only XDP programs/],
    ['too short a frame', ['test-run', MODERN, 'xdp_spread', '--data', '00'], 4, /at least the 14 bytes/],
    [
      'a map that is not there',
      ['test-run', MODERN, 'xdp_spread', '--data', FRAME, '--dump-map', 'x'],
      2,
      /--dump-map x: modern\.o has rx_cnt/,
    ],
    [
      'a CPU without an entry',
      ['test-run', SEED, 'xdp_prognum0_no_touch', '--data', FRAME, '--cpu', '12'],
      4,
      /--cpu 12: map cpu_map has entries for CPUs 0 to 11/,
    ],
    [
      'several XDP programs',
      ['--obj', MODERN, ...RUN],
      2,
      /more than one XDP program .*xdp_spread \(xdp\), xdp_least_loaded/,
    ],
    [
      'no such XDP program',
      ['--obj', MODERN, '--prog', 'nope', ...RUN],
      2,
      /--prog nope: modern\.o has no such XDP program/,
    ],
    [
      'no such section',
      ['--obj', SEED, '--section', 'xdp', ...RUN],
      2,
      /--section xdp: .*no such XDP program.*xdp_cpu_map0/,
    ],
    [
      'a program of another kind',
      ['--obj', MODERN, '--prog', 'egress', ...RUN],
      2,
      /--prog egress: .*no such XDP program/,
    ],
    [
      'no such program for entries',
      ['--obj', MODERN, '--prog', 'xdp_spread', '--remote-prog', 'egress', ...RUN],
      2,
      /--remote-prog egress: .*remote_filter/,
    ],
    [
      'a map to show that is not there',
      ['--obj', MODERN, '--prog', 'xdp_spread', '--dump-map', 'x', ...RUN],
      2,
      /--dump-map x/,
    ],
    [
      'entries that take no program',
      ['--obj', SEED, '--prog', 'xdp_prognum0_no_touch', '-r', 'drop', ...RUN],
      4,
      /values of 4 bytes/,
    ],
    [
      'maps of a later release',
      ['--obj', MODERN, '--prog', 'xdp_spread', '--release', '4.15', ...RUN],
      4,
      /modern\.o, devmap map tx_port \(section \.maps\)/,
    ],
    ['programs without any XDP', ['--obj', objectPath('core.o'), ...RUN], 2, /core\.o has no such XDP program.*: none/],
  ])('%s', async (_, args, code, message) => {
    const finished = await runCommand(args);
    expect(finished.stderr).toMatch(message);
    expect(finished).toMatchObject({ code, stdout: '' });
  });
});

describe('options that are refused before any file is read', () => {
  it.each([
    ['--prog alone', ['--prog', 'x', ...RUN], /--prog needs --obj/],
    ['--section alone', ['--section', 'x', ...RUN], /--section needs --obj/],
    ['--remote-prog alone', ['--remote-prog', 'x', ...RUN], /--remote-prog needs --obj/],
    ['--dump-map alone', ['--dump-map', 'x', ...RUN], /--dump-map needs --obj/],
    ['--clamp-maps alone', ['--clamp-maps', '9', ...RUN], /--clamp-maps needs --obj/],
    ['two programs', ['--obj', 'x', '--prognum', '1', ...RUN], /exclude each other/],
    ['two second programs', ['--obj', 'x', '--remote-prog', 'x', '-r', 'drop', ...RUN], /exclude each other/],
    [
      'a second program in 4.15',
      ['--obj', 'x', '--remote-prog', 'x', '--release', '4.15', ...RUN],
      /--remote-prog needs .*Linux 5\.9/,
    ],
    ['an unknown engine', ['--bpf-engine', 'gcc', ...RUN], /Allowed choices are jit, interp/],
    ['no file', ['inspect'], /missing required argument 'file'/],
    ['a file too many', ['inspect', 'a', 'b'], /too many arguments for 'inspect'/],
    ['an option of another command', ['disasm', 'a', '--json'], /unknown option '--json'/],
    ['an unknown log level', ['verify', 'a', '--log-level', '3'], /from 0 to 2/],
    ['no program', ['test-run', 'a', '--data', FRAME], /missing required argument 'prog'/],
    ['no frames', ['test-run', 'a', 'b'], /--data HEX or --input FILE/],
    ['frames twice', ['test-run', 'a', 'b', '--data', FRAME, '--input', EVERYDAY], /--data HEX or --input FILE/],
    ['half a byte', ['test-run', 'a', 'b', '--data', 'abc'], /two digits each/],
    ['no hex', ['test-run', 'a', 'b', '--data', 'xy'], /two digits each/],
    ['no runs', ['test-run', 'a', 'b', '--data', FRAME, '--repeat', '0'], /--repeat is a whole number from 1/],
  ])('%s is exit code 2', async (_, args, message) => {
    const finished = await runCommand(args);
    expect(finished.stderr).toMatch(message);
    expect(finished).toMatchObject({ code: 2, stdout: '' });
  });

  it('help names the subcommands, and each has its own', async () => {
    const help = await runCommand(['--help']);
    for (const name of ['inspect', 'disasm', 'verify', 'test-run']) {
      expect(help.stdout).toContain(`\n  ${name} `);
      expect(await runCommand([name, '--help'])).toMatchObject({ code: 0, stderr: '' });
    }
  });
});
