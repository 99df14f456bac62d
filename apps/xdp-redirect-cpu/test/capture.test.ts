/** --capture: files that have what the counters say, read by this project's reader and by tshark; bounds, and full disks. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCapture } from '@cpumap/nic';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Summary } from 'xdp-redirect-cpu';
import { EVERYDAY, runCommand, summaryOf } from './support/command.ts';

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let files = 0;
const newFile = (): string => join(scratch, `${files++}.pcapng`);

const HOOKS = ['xdp-in', 'redirect', 'enqueue', 'enqueue-drop', 'remote', 'deliver', 'drop'] as const;
type Hook = (typeof HOOKS)[number];

/** How many frames of a run pass each hook, by its summary. Of runs whose second program does not redirect. */
function countsOf({ rx, xdp, enqueue, kthread, stack }: Summary): Record<Hook, number> {
  const sum = (field: 'processed' | 'xdp_drop'): number => kthread.reduce((total, row) => total + row[field], 0);
  return {
    'xdp-in': rx.packets,
    redirect: xdp.redirect,
    enqueue: enqueue.processed - enqueue.drops,
    'enqueue-drop': enqueue.drops,
    remote: sum('processed'),
    deliver: stack.delivered,
    drop: xdp.drop + xdp.aborted + xdp.redirect_err + enqueue.drops + sum('xdp_drop'),
  };
}

function tsharkProblem(): string | undefined {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no tshark is installed';
  }
}
const problem = tsharkProblem();
if (problem !== undefined) process.stderr.write(`SKIPPED: ${problem}\n`);

const settings = fc.record({
  executor: fc.constantFrom('virtual', 'virtual', 'virtual', 'threads'),
  flows: fc.integer({ min: 1, max: 300 }),
  size: fc.integer({ min: 64, max: 1518 }),
  count: fc.integer({ min: 1, max: 3000 }),
  qsize: fc.constantFrom(8, 64, 2048),
  mode: fc.constantFrom('no-touch', 'round-robin', 'l4-filter', 'l4-hash'),
  dport: fc.constantFrom(9, 80),
  remoteAction: fc.constantFrom('disabled', 'drop', 'pass'),
});

describe('the files of all hooks', () => {
  it('have as many frames as the summary counts, on any generated traffic', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ executor, flows, size, count, qsize, mode, dport, remoteAction }) => {
        const paths = HOOKS.map(newFile);
        const finished = await runCommand(
          ['--pktgen', `flows=${flows},size=${size},dport=${dport}`, '--count', `${count}`, '--cpu', '1', '--cpu', '2']
            .concat('-p', mode, '-q', `${qsize}`, '-r', remoteAction, '--executor', executor, '--json')
            .concat(HOOKS.flatMap((hook, index) => ['--capture', `${hook}:${paths[index]}`])),
        );
        expect(finished).toMatchObject({ code: 0, stderr: '' });
        const summary = summaryOf(finished);
        const counted = countsOf(summary);
        HOOKS.forEach((hook, index) => {
          const { frames, interfaces, problem: fault } = decodeCapture(readFileSync(paths[index]!));
          expect({ hook, frames: frames.length, fault }).toEqual({ hook, frames: counted[hook], fault: undefined });
          expect(interfaces.map(({ name }) => name)).toEqual(['cpu0', 'cpu1', 'cpu2']);
          expect(frames.every(({ data }) => data.length === size - 4)).toBe(true);
        });
        expect(summary.captures).toEqual(
          HOOKS.map((hook, index) => ({
            hook,
            file: paths[index],
            captured: counted[hook],
            lost: { ring: 0, limit: 0, size: 0 },
          })),
        );
      }),
      { numRuns: 12 },
    );
  }, 60_000);
});

describe('a file', () => {
  it.skipIf(problem !== undefined)('shows verdict, CPU, reason and direction in tshark', async () => {
    const path = newFile();
    const args = ['--input', EVERYDAY, '--cpu', '1', '-p', 'l4-filter', '--executor', 'virtual', '--json'];
    const dropped = summaryOf(await runCommand([...args, '--capture', `drop:${path}:verdict=drop`])).xdp.drop;
    expect(dropped).toBeGreaterThan(0);
    const fields = ['frame.comment', 'frame.verdict.ebpf_xdp', 'frame.packet_flags_direction', 'frame.interface_name'];
    const lines = execFileSync(
      'tshark',
      ['-r', path, '-T', 'fields', '-E', 'separator=|', ...fields.flatMap((field) => ['-e', field])],
      { encoding: 'utf8', stdio: 'pipe' },
    );
    const line = 'drop cpu=0 queue=0 verdict=DROP reason=xdp_drop (the program said XDP_DROP)|1|0x00000001|cpu0';
    expect(
      new Set(
        lines
          .trimEnd()
          .split('\n')
          .map((text) => text.replace(/\|0x0*1\|/, '|0x00000001|')),
      ),
    ).toEqual(new Set([line]));
    expect(lines.trimEnd().split('\n')).toHaveLength(dropped);
  });

  it('has what its filter takes', async () => {
    const [all, some] = [newFile(), newFile()];
    const args = ['--input', EVERYDAY, '--cpu', '1', '--json', '--capture', `xdp-in:${all}`];
    await runCommand([...args, '--capture', `xdp-in:${some}:proto=udp,dport=53`]);
    const isDns = (data: Uint8Array): boolean => {
      const isIpv6 = data[12] === 0x86;
      if (!isIpv6 && !(data[12] === 8 && data[13] === 0)) return false;
      const [protocol, header] = isIpv6 ? [data[20], 54] : [data[23], 14 + (data[14]! & 15) * 4];
      return protocol === 17 && data[header + 2]! * 256 + data[header + 3]! === 53;
    };
    const hex = (path: string): string[] =>
      decodeCapture(readFileSync(path)).frames.map(({ data }) => Buffer.from(data).toString('hex'));
    const wanted = decodeCapture(readFileSync(all)).frames.filter(({ data }) => isDns(data));
    expect(wanted.length).toBeGreaterThan(0);
    expect(hex(some)).toEqual(wanted.map(({ data }) => Buffer.from(data).toString('hex')));
  });

  it('is the same again in another virtual run', async () => {
    const paths = [newFile(), newFile()];
    for (const path of paths) {
      await runCommand(['--input', EVERYDAY, '--cpu', '1', '--executor', 'virtual', '--capture', `remote:${path}`]);
    }
    expect(readFileSync(paths[0]!).equals(readFileSync(paths[1]!))).toBe(true);
  });
});

describe('bounds', () => {
  const PKTGEN = ['--pktgen', 'rate=1M', '--cpu', '1', '--executor', 'virtual', '--json'];

  it('limit=100: a hundred in each second, and the summary says what is missing', async () => {
    const path = newFile();
    const finished = await runCommand([...PKTGEN, '--count', '1000', '--capture', `xdp-in:${path}:limit=100`]);
    expect(finished.code).toBe(0);
    expect(summaryOf(finished).captures).toMatchObject([{ captured: 100, lost: { ring: 0, limit: 900, size: 0 } }]);
    expect(decodeCapture(readFileSync(path)).frames).toHaveLength(100);
  });

  it('size=10k: the file stays below it but for its end', async () => {
    const path = newFile();
    const finished = await runCommand([...PKTGEN, '--count', '1000', '--capture', `xdp-in:${path}:size=10k`]);
    const [result] = summaryOf(finished).captures!;
    expect(result!.captured + result!.lost.size).toBe(1000);
    expect(result!.captured).toBeGreaterThan(30);
    expect(statSync(path).size).toBeLessThan(11_000);
    const { frames, problem: fault } = decodeCapture(readFileSync(path));
    expect([frames.length, fault]).toEqual([result!.captured, undefined]);
  });

  it('snaplen=40, every=10: the beginnings of a tenth', async () => {
    const path = newFile();
    await runCommand([...PKTGEN, '--count', '1000', '--capture', `xdp-in:${path}:snaplen=40,every=10`]);
    const { frames } = decodeCapture(readFileSync(path));
    expect(frames).toHaveLength(100);
    expect(frames.every(({ data, originalLength }) => data.length === 40 && originalLength === 60)).toBe(true);
  });

  it.skipIf(problem !== undefined)('that were met show in tshark as drops before a frame', async () => {
    const path = newFile();
    // 1000 frames a second for a bit more than two: 300 of each second, and 700 missing before the next one's first
    const args = ['--pktgen', 'rate=1k', '--cpu', '1', '--executor', 'virtual', '--count', '2010'];
    await runCommand([...args, '--capture', `xdp-in:${path}:limit=300`]);
    const text = execFileSync('tshark', ['-r', path, '-V'], { encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 26 });
    expect([...text.matchAll(/Drop Count: (\d+)/gi)].map(([, count]) => Number(count))).toEqual([700, 700]);
  });
});

describe('a file that cannot be written', () => {
  const ARGS = ['--input', EVERYDAY, '--cpu', '1', '--json'];

  it('from the start is an error before anything is received', async () => {
    const { code, stderr, stdout } = await runCommand([...ARGS, '--capture', 'drop:/no/such/dir/a.pcapng']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^xdp-redirect-cpu: --capture drop:\/no\/such\/dir\/a\.pcapng: it cannot be written \(ENOENT/,
    );
    expect(stdout).not.toContain('summary');
  });

  it('any more ends its capture with a line; the run goes on and its exit code tells', async () => {
    const other = newFile();
    const finished = await runCommand([...ARGS, '--capture', 'xdp-in:/dev/full', '--capture', `xdp-in:${other}`]);
    expect(finished.code).toBe(1);
    expect(finished.stderr).toBe(
      'xdp-redirect-cpu: --capture xdp-in:/dev/full: no space is left (ENOSPC); the capture ends, the run goes on\n',
    );
    const { rx, ledger, captures } = summaryOf(finished);
    expect([rx.packets, ledger.balanced]).toEqual([909, true]);
    expect(captures).toMatchObject([{ captured: 0, error: 'no space is left (ENOSPC)' }, { captured: 909 }]);
    expect(decodeCapture(readFileSync(other)).frames).toHaveLength(909);
  });

  const mountProblem = ((): string | undefined => {
    try {
      execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', scratch], { stdio: 'pipe' });
      return undefined;
    } catch {
      return 'a small file system takes root and unshare';
    }
  })();
  if (mountProblem !== undefined) process.stderr.write(`SKIPPED: ${mountProblem}\n`);

  it.skipIf(mountProblem !== undefined)('on a disk that fills ends with its last whole frame', async () => {
    const disk = join(scratch, 'disk');
    mkdirSync(disk);
    const command = process.argv[0]!;
    const { COMMAND } = await import('./support/command.ts');
    const script = [
      `mount -t tmpfs -o size=100k none ${disk}`,
      `${command} ${COMMAND} --input ${EVERYDAY} --cpu 1 --json --capture xdp-in:${disk}/a.pcapng > ${scratch}/out; code=$?`,
      `cp ${disk}/a.pcapng ${scratch}/a.pcapng`,
      'exit $code',
    ].join('; ');
    const attempt = (): unknown => execFileSync('unshare', ['-m', 'sh', '-c', script], { stdio: 'pipe' });
    expect(attempt).toThrow(expect.objectContaining({ status: 1, stderr: expect.any(Buffer) }));
    const { frames, problem: fault } = decodeCapture(readFileSync(join(scratch, 'a.pcapng')));
    const summary = JSON.parse(readFileSync(join(scratch, 'out'), 'utf8').trimEnd().split('\n').at(-1)!) as Summary;
    expect(fault).toBeUndefined();
    expect(frames.length).toBe(summary.captures![0]!.captured);
    expect(frames.length).toBeGreaterThan(0);
    expect(summary.captures![0]!.error).toBe('no space is left (ENOSPC)');
  });
});

describe('options', () => {
  it.each([
    ['a hook that is none', ['--capture', 'in:a.pcapng'], /--capture.*there is no hook 'in'/],
    [
      'one file for two',
      ['--capture', 'drop:a.pcapng', '--capture', 'xdp-in:a.pcapng'],
      /a\.pcapng would be written twice/,
    ],
    [
      'the file of --output',
      ['--capture', 'drop:a.pcapng', '--output', 'a.pcapng'],
      /a\.pcapng would be written twice/,
    ],
  ])('%s is refused', async (_, extra, message) => {
    const { code, stderr } = await runCommand(['--pktgen', '', '--cpu', '1', ...extra]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('is not for the kernel, and says what is', async () => {
    const args = ['--backend', 'linux', '--dev', 'lo', '--cpu', '1', '--capture', 'drop:a.pcapng'];
    const { code, stderr } = await runCommand(args);
    expect(code).toBe(2);
    expect(stderr).toContain('--capture: only the engine has that');
    expect(stderr).toContain('xdpdump');
  });
});
