import { readFileSync } from 'node:fs';
import { decodeCapture } from '@cpumap/nic';
import { describe, expect, it } from 'vitest';
import { EVERYDAY, runCommand } from './support/command.ts';
import { objectPath } from './support/objects.ts';

const MODERN = objectPath('modern.o');
const SEED = objectPath('seed-style.o');
const frames = decodeCapture(readFileSync(EVERYDAY)).frames.length;
/** UDP from 192.168.1.1 to 192.168.1.2, port 9. */
const FRAME = `ffffffffffff 020000000001 0800 4500001c0001000040110000c0a80101c0a80102 1234000900080000${'00'.repeat(18)}`;

/** Standard output of a command that has nothing to complain about. */
async function output(...args: string[]): Promise<string> {
  const finished = await runCommand(args);
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  return finished.stdout;
}

describe('inspect', () => {
  it('shows maps, variables, programs, functions and sections', async () => {
    const lines = (await output('inspect', MODERN)).split('\n');
    expect(lines[0]).toBe('modern.o: 27248 bytes, license "Dual MIT/GPL", 116 BTF types');
    const titles = lines.filter((line) => /^[A-Z]/.test(line));
    expect(titles).toEqual(['Maps', 'Variables', 'Programs', 'Functions', 'Sections']);
    expect(lines).toContain('  cpu_map           cpumap        .maps            4      8       64    0x0');
    expect(lines).toContain('  only_map_id   .rodata       8     4');
    expect(lines.find((line) => line.startsWith('  xdp_spread '))).toMatch(
      /xdp +xdp +111 \(155\) +rx_cnt cpus_available .rodata cpu_map flows +count_flow hash$/,
    );
    expect(lines.find((line) => line.startsWith('  xdp '))).toMatch(/code +1272$/);
  });

  it('is one object for machines', async () => {
    const found = JSON.parse(await output('inspect', SEED, '--json'));
    expect(found).toMatchObject({ file: 'seed-style.o', bytes: 10096, license: 'Dual MIT/GPL', btf_types: 0 });
    expect(found.maps.map(({ name }: { name: string }) => name)).toContain('cpus_iterator');
    expect(found.programs[0]).toMatchObject({
      name: 'xdp_prognum0_no_touch',
      section: 'xdp_cpu_map0_no_touch',
      instructions: 34,
      maps: ['rx_cnt', 'cpus_available', 'cpu_map'],
    });
  });

  it.each(['legacy-maps.o', 'btf-maps.o', 'core.o', 'core-target.o'])('knows %s too', async (name) => {
    expect(await output('inspect', objectPath(name))).toContain(`${name}: `);
  });
});

describe('disasm', () => {
  it('names maps, variables, helpers, functions, source lines and CO-RE relocations', async () => {
    const text = await output('disasm', MODERN, 'on_kthread');
    expect(text).toMatch(/^on_kthread \(section tp_btf\/xdp_cpumap_kthread, 59 instructions\)\n/);
    expect(text).toMatch(/ r1 = map\(kthread_cnt\) ll\n/);
    expect(text).toMatch(/ r1 = map_value\(\.rodata\) \+ 0x8 ll +; only_map_id\n/);
    expect(text).toMatch(/ call 0x8 +; bpf_get_smp_processor_id\n/);
    expect(text).toMatch(/\n; counters->processed \+= processed; @ modern\.bpf\.c:321\n/);
    expect(text).toMatch(/; CO-RE field_byte_offset of struct xdp_cpumap_stats \(0:1\)\n/);
    expect(text).toMatch(/if r2 == 0x0 goto \+0x4 +; to 16\n/);
  });

  it('shows a program with the functions that it calls, or everything once', async () => {
    const heads = (text: string): string[] => text.match(/^\S+(?= \(section)/gm) ?? [];
    expect(heads(await output('disasm', MODERN, 'xdp_spread'))).toEqual(['xdp_spread', 'count_flow', 'hash']);
    const all = heads(await output('disasm', MODERN));
    expect(all).toHaveLength(13);
    expect(new Set(all).size).toBe(13);
    expect(await output('disasm', MODERN, 'xdp_least_loaded')).toMatch(/ r2 = func\(compare\) ll\n/);
    expect(await output('disasm', MODERN, 'xdp_spread')).toMatch(/ call count_flow\n/);
  });
});

describe('verify', () => {
  it('says one line of each program', async () => {
    const text = await output('verify', MODERN);
    expect(text.trimEnd().split('\n')).toHaveLength(10);
    expect(text).toMatch(/^xdp_spread \(xdp\): accepted, \d+ instructions processed, \d+ bytes of stack\n/);
  });

  it('shows the log of a program that is named', async () => {
    const text = await output('verify', MODERN, 'egress');
    expect(text).toContain('; int egress(struct xdp_md *ctx) @ modern.bpf.c:278\n');
    expect(text).toMatch(/processed 22 insns \(limit 1000000\)/);
    const full = await output('verify', MODERN, 'egress', '--log-level', '2');
    expect(full.length).toBeGreaterThan(text.length);
  });

  it('takes sections of names of their own for XDP programs, and leaves out what has no event', async () => {
    const text = await output('verify', SEED);
    expect(text.match(/: accepted/g)).toHaveLength(10);
    expect(text).toContain('trace_xdp_redirect_map_err: left out: 6.18 has no event xdp/xdp_redirect_map_err\n');
  });

  it('ends with 1 when a program is refused, and shows why', async () => {
    const { code, stdout } = await runCommand(['verify', objectPath('core.o')]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^loads \(tp_btf\/xdp_exception\): refused: .*EINVAL.*slot 1 wants field_byte_offset of struct moved/,
    );
    expect(stdout).toContain('invalid func unknown#195896080\nprocessed 2 insns');
    expect(stdout).toContain('sizes: left out: programs of type socket_filter (section socket) are not run here');
  });
});

describe.each(['jit', 'interp'])('test-run, %s', (engine) => {
  const run = (...args: string[]) => output('test-run', MODERN, 'xdp_spread', '--bpf-engine', engine, ...args);

  it('gives the verdict and the data of one frame', async () => {
    const text = await run('--data', FRAME, '--cpu', '0');
    expect(text).toMatch(/^xdp_spread: 1 frame\n {2}return value {2}: 4 \(REDIRECT\)\n {2}data out {6}: 60 bytes\n/);
    expect(text).toContain(`\n  ${FRAME.replaceAll(' ', '')}\n`);
    expect(text).toMatch(/ {2}time +: \d+ ns per run\n$/);
  });

  it('finds no CPU where the cpumap has no entries', async () => {
    expect(await run('--data', FRAME)).toContain('return value  : 0 (ABORTED)');
  });

  it('counts verdicts over the frames of a capture', async () => {
    const text = await run('--input', EVERYDAY, '--repeat', '3', '--cpu', '0', '--dump-map', 'rx_cnt');
    expect(text).toContain(`xdp_spread: ${frames} frames, 3 runs each\n  REDIRECT  ${frames}\n`);
    expect(text).toMatch(new RegExp(`\\n {2}0 {4}0 +${(3 * frames).toLocaleString('en-US')} `));
  });
});
