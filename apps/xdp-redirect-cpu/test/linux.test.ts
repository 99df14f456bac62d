/** --backend linux: frames through a veth pair in a namespace of the test's own and a cpumap of the running kernel. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCapture } from '@cpumap/nic';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LinuxSummary, Summary } from 'xdp-redirect-cpu';
import {
  COMMAND,
  EVERYDAY,
  type Finished,
  type Running,
  runCommand,
  summaryOf,
  watchProcess,
} from './support/command.ts';
import { createNamespace, describeOnLinux, type Namespace } from './support/kernel.ts';
import { objectPath } from './support/objects.ts';

/** The bundled capture, as far as its frames fit through the interface. */
const FRAMES = decodeCapture(readFileSync(EVERYDAY))
  .frames.map(({ data }) => data)
  .filter(({ length }) => length <= 1514);

const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-linux-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The frames as a classic pcap file. */
function pcapOf(frames: readonly Uint8Array[]): string {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  const path = join(scratch, 'frames.pcap');
  writeFileSync(path, Buffer.concat([header, ...records]));
  return path;
}

const linuxSummaryOf = (finished: Finished): LinuxSummary => summaryOf(finished) as unknown as LinuxSummary;
const RUN = ['--backend', 'linux', '--dev', 'va', '--sec', '0.05'];

describeOnLinux('xdp-redirect-cpu on the running kernel', () => {
  let namespace: Namespace;
  const running: Running[] = [];
  const start = (...args: string[]): Running => {
    const process = namespace.start([...RUN, ...args]);
    running.push(process);
    return process;
  };
  /** Sends frames through a run, and ends it as a user does. */
  async function sendThrough(frames: readonly Uint8Array[], ...args: string[]): Promise<Finished> {
    const run = start(...args, '--json');
    await Promise.race([run.printed('"setup"'), run.finished]); // attached by then
    expect(namespace.send('vb', frames)).toBe(frames.length);
    run.child.kill('SIGINT');
    return run.finished;
  }
  const isAttached = (): boolean => namespace.run('ip link show dev va').includes('prog/xdp');

  beforeAll(async () => {
    namespace = await createNamespace();
    return () => namespace.close();
  });
  beforeEach(() => {
    namespace.run('ip link add va type veth peer name vb');
    for (const device of ['va', 'vb']) {
      namespace.run(`ip link set ${device} addrgenmode none`); // nothing but the test's own frames
      namespace.run(`ip link set ${device} up`);
    }
  });
  afterEach(() => {
    for (const { child } of running.splice(0)) child.kill('SIGKILL');
    namespace.run('ip link del va');
  });

  it.each(['no-touch', 'touch', 'round-robin', 'l4-proto', 'l4-filter', 'l4-hash', 'l4-sport', 'l4-dport', 'auto'])(
    '%s spreads frames over CPUs as the engine does',
    async (mode) => {
      const program = ['-p', mode, '--cpu', '0', '--cpu', '1'];
      const linux = linuxSummaryOf(await sendThrough(FRAMES, ...program));
      const engine = summaryOf(await runCommand(['--input', pcapOf(FRAMES), ...program, '--json']));
      expect(linux.rx.packets).toBe(FRAMES.length);
      expect(linux.enqueue).toMatchObject({ processed: engine.enqueue.processed, drops: 0 });
      expect(linux.xdp.drop).toBe(engine.xdp.drop);
      // the turn of round-robin is each RX CPU's own, and AF_PACKET sends from any: only the sum is the same
      const perCpu = (rows: LinuxSummary['kthread']) => rows.map(({ cpu, processed }) => [cpu, processed]);
      const taken = (rows: { processed: number }[]) => rows.reduce((sum, { processed }) => sum + processed, 0);
      if (mode === 'round-robin') expect(taken(linux.kthread)).toBe(taken(engine.kthread));
      else expect(perCpu(linux.kthread)).toEqual(engine.kthread.map(({ cpu, processed }) => [cpu, processed]));
    },
  );

  it.each(['no-touch', 'l4-filter', 'l4-hash'])(
    '%s spreads frames as the engine does in generic mode too',
    async (mode) => {
      const program = ['-p', mode, '--cpu', '0', '--cpu', '1', '--skb-mode'];
      const linux = linuxSummaryOf(await sendThrough(FRAMES, ...program));
      const engine = summaryOf(await runCommand(['--input', pcapOf(FRAMES), ...program, '--json']));
      const counts = ({ rx, xdp, enqueue, kthread }: LinuxSummary | Summary) => ({
        packets: rx.packets,
        filtered: xdp.drop,
        enqueued: [enqueue.processed, enqueue.drops],
        kthreads: kthread.map(({ cpu, processed }) => [cpu, processed]),
      });
      expect(counts(linux)).toEqual(counts(engine));
    },
  );

  it.each([
    ['native', 'drop', []],
    ['native', 'pass', []],
    ['generic', 'drop', ['--skb-mode']],
    ['generic', 'pass', ['--skb-mode']],
  ])('%s: the second program %s meets every frame', async (_, action, mode) => {
    const finished = await sendThrough(FRAMES, '--cpu', '1', '--remote-action', action, ...mode);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(linuxSummaryOf(finished)).toMatchObject({
      backend: 'linux',
      rx: { packets: FRAMES.length, bytes: null },
      kthread: [{ cpu: 1, processed: FRAMES.length, [`xdp_${action}`]: FRAMES.length, delivered: null }],
      exception: 0,
      ledger: null,
      program: 'no_touch',
    });
  });

  it('the second program sends frames out by another interface', async () => {
    namespace.run('ip link add vc type veth peer name vd');
    namespace.run('ip link set vc up');
    namespace.run('ip link set vd up');
    const args = ['--cpu', '1', '--remote-action', 'redirect', '--redirect-device', 'vc', '--skb-mode'];
    const summary = linuxSummaryOf(await sendThrough(FRAMES, ...args));
    expect(summary.kthread).toMatchObject([{ cpu: 1, processed: FRAMES.length, xdp_redirect: FRAMES.length }]);
    namespace.run('ip link del vc');
  });

  it('stress mode loses no frame that a ring took', async () => {
    const run = start('--cpu', '1', '--remote-action', 'drop', '--stress-mode', '--json', '--sec', '0.01');
    await run.printed('"interval"');
    const frames = Array.from({ length: 2000 }, (_, i) => FRAMES[i % FRAMES.length]!);
    expect(namespace.send('vb', frames)).toBe(2000);
    run.child.kill('SIGINT');
    const { rx, enqueue, kthread } = linuxSummaryOf(await run.finished);
    expect(rx.packets).toBe(2000);
    expect(enqueue.processed).toBe(2000);
    expect(kthread).toMatchObject([{ cpu: 1, xdp_drop: 2000 - enqueue.drops }]);
  });

  it('shows the table, every trace event and the summary', async () => {
    const run = start('--cpu', '1', '--debug', '--stats', '--extended', '--no-separators', '--remote-action', 'drop');
    await run.printed('XDP-cpumap');
    namespace.send('vb', FRAMES.slice(0, 10));
    await run.printed('xdp_cpumap_kthread: kthread cpu=1');
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/va \(veth\) -> no_touch \(native\) -> CPU 1 \(queue 2048\)/);
    expect(stdout).toMatch(/xdp_redirect: .* map_index=1/);
    expect(stdout).toMatch(/xdp_stats +1 +0 +[1-9]\d* +0 +redirect\n/);
    expect(stdout).toMatch(/va +rx +[1-9]\d* +0 +0 +length-err\n/);
    expect(stdout).toMatch(/Packets received {4}: 10\n/);
    expect(stdout).toMatch(/Redirected {10}: 10\n/);
    expect(stdout).toMatch(/CPU 1 {15}: processed 10, dropped by its program 10\n/);
  });

  it('runs a compiled object, its second and tracing programs too, and its maps hold what the engine gives', async () => {
    const dumps = ['rx_cnt', 'remote_cnt', 'enqueue_cnt'].flatMap((map) => ['--dump-map', map]);
    const object = ['--obj', objectPath('modern.o'), '--prog', 'xdp_spread', '--remote-prog', 'remote_filter'];
    const args = [...object, ...dumps, '--cpu', '0', '--cpu', '1'];
    const finished = await sendThrough(FRAMES, ...args);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    const linux = linuxSummaryOf(finished);
    const engine = summaryOf(await runCommand(['--input', pcapOf(FRAMES), ...args, '--json']));
    const verdicts = (rows: LinuxSummary['kthread'] | Summary['kthread']) =>
      rows.map(({ cpu, processed, xdp_pass, xdp_drop }) => ({ cpu, processed, xdp_pass, xdp_drop }));
    expect(linux.rx.packets).toBeNull(); // it counts by other names
    expect(verdicts(linux.kthread)).toEqual(verdicts(engine.kthread));
    const total = (maps: Summary['maps'], name: string, field: string) =>
      JSON.stringify(maps!.find((map) => map.name === name)!.entries).match(new RegExp(`"${field}":\\d+`, 'g'));
    expect(total(linux.maps, 'rx_cnt', 'processed')).toContain(`"processed":${FRAMES.length}`);
    expect(total(linux.maps, 'remote_cnt', 'dropped')).toEqual(total(engine.maps, 'remote_cnt', 'dropped'));
  });

  it('--duration ends it', async () => {
    const finished = await start('--cpu', '1', '--duration', '0.1', '--json').finished;
    expect(finished.code).toBe(0);
    expect(linuxSummaryOf(finished).seconds).toBeGreaterThanOrEqual(0.1);
    expect(isAttached()).toBe(false);
  });

  describe('safety', () => {
    it.each(['SIGINT', 'SIGTERM'] as const)('%s detaches, prints the summary and ends with 0', async (signal) => {
      const run = start('--cpu', '1', '--json');
      await run.printed('"interval"');
      expect(isAttached()).toBe(true);
      run.child.kill(signal);
      const finished = await run.finished;
      expect(finished.code).toBe(0);
      expect(linuxSummaryOf(finished).type).toBe('summary');
      expect(isAttached()).toBe(false);
    });

    it('SIGKILL leaves nothing attached', async () => {
      const run = start('--cpu', '1', '--json');
      await run.printed('"interval"');
      expect(isAttached()).toBe(true);
      run.child.kill('SIGKILL');
      await run.finished;
      expect(isAttached()).toBe(false);
    });

    it.each([
      ['the same mode', []],
      ['another mode', ['--skb-mode']],
    ])('a second instance is refused in %s, and the first goes on', async (_, mode) => {
      const first = start('--cpu', '1', '--json');
      await first.printed('"setup"');
      const second = await start('--cpu', '1', ...mode).finished;
      expect(second.code).toBe(3);
      expect(second.stderr).toMatch(/attach no_touch to va: .*no_touch/);
      expect(namespace.send('vb', FRAMES)).toBe(FRAMES.length);
      first.child.kill('SIGINT');
      expect(linuxSummaryOf(await first.finished).rx.packets).toBe(FRAMES.length);
    });

    it('the interface of the default route takes --force', async () => {
      namespace.run('ip route add default dev va');
      const refused = await start('--cpu', '1').finished;
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain('--dev va: it carries the default route');
      expect(isAttached()).toBe(false);
      const forced = await start('--cpu', '1', '--force', '--duration', '0.01', '--json').finished;
      expect(forced.code).toBe(0);
    });
  });

  it.each([
    ['an interface that is not there', ['--dev', 'nope', '--cpu', '1'], 3, /--dev nope: .* no such interface/],
    ['a redirect device that is not there', ['--cpu', '1', '-r', 'redirect', '-D', 'no'], 3, /--redirect-device no: /],
    ['a CPU that is not possible', ['--cpu', '255'], 4, /--cpu 255: map cpu_map has entries for CPUs 0 to/],
  ])('%s is refused', async (_, args, code, message) => {
    const finished = await start(...args).finished;
    expect(finished.code).toBe(code);
    expect(finished.stderr).toMatch(message);
  });

  it('without rights says which are missing, and how to get them', () => {
    const command = `setpriv --reuid=65534 --regid=65534 --clear-groups ${process.execPath} ${COMMAND} ${RUN.join(' ')} --cpu 1`;
    let refusal = { status: 0 as number | null, stderr: '' };
    try {
      namespace.run(command);
    } catch (error) {
      refusal = error as typeof refusal;
    }
    expect(refusal.status).toBe(4);
    expect(String(refusal.stderr)).toMatch(
      /\(EPERM\): the process lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON: .*setcap/,
    );
  });
});

describe('options that do not go with --backend linux', () => {
  it.each([
    ['no interface', ['--cpu', '1'], /needs --dev IFNAME/],
    ['a capture', ['--dev', 'x', '--cpu', '1', '--input', 'f', '--loop'], /--input, --loop: .*arrive on --dev/],
    ['a generator', ['--dev', 'x', '--cpu', '1', '--pktgen', 'rate=1'], /--pktgen: .*--input, --speed/],
    ['JavaScript', ['--dev', 'x', '--cpu', '1', '--module', 'm.mjs'], /--module: .*--obj loads a compiled program/],
    ['an output', ['--dev', 'x', '--cpu', '1', '--output', 'o'], /--output: only the engine has that/],
    ['a machine', ['--dev', 'x', '--cpu', '1', '--rx-queues', '2', '--seed', '1'], /--rx-queues, --seed: .*ethtool/],
    ['no CPU', ['--dev', 'x'], /give --cpu N/],
  ])('%s', async (_, args, message) => {
    const finished = await runCommand(['--backend', 'linux', ...args]);
    expect(finished).toMatchObject({ code: 2, stdout: '' });
    expect(finished.stderr).toMatch(message);
  });

  it('and --force with the engine', async () => {
    const finished = await runCommand(['--force', '--pktgen', 'rate=1k', '--cpu', '1']);
    expect(finished).toMatchObject({ code: 2 });
    expect(finished.stderr).toContain('--force needs --backend linux');
  });
});

describe('where koffi is not installed', () => {
  const hook = join(scratch, 'no-koffi.cjs');
  const hide = `const Module = require('node:module');
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (name, ...rest) => { if (name === 'koffi') throw new Error('no koffi'); return resolve(name, ...rest); };`;
  const without = (...args: string[]): Promise<Finished> => {
    writeFileSync(hook, hide);
    return watchProcess(spawn(process.execPath, ['--require', hook, COMMAND, ...args], { stdio: 'pipe' })).finished;
  };
  const MISSING = /\(ENOSYS\): the (optional dependency koffi is not installed|kernel of .* has no bpf)/;

  it('--backend linux says what is missing', async () => {
    const finished = await without(...RUN, '--cpu', '1');
    expect(finished).toMatchObject({ code: 4, stdout: '' });
    expect(finished.stderr).toMatch(MISSING);
  });

  it('doctor says so too, and the engine works', async () => {
    const doctor = await without('doctor');
    expect(doctor).toMatchObject({ code: 0, stderr: '' });
    expect(doctor.stdout).toMatch(MISSING);
    const engine = await without('--pktgen', 'rate=max', '--count', '100', '--cpu', '1', '--json');
    expect(summaryOf(engine).rx.packets).toBe(100);
  });
});
