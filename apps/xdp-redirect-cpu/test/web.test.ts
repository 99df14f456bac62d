/** --web without a browser: what it says, what it refuses, and controls of which the summary counts every frame. */
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Setup, Tick } from '@cpumap/dashboard';
import { afterEach, describe, expect, it } from 'vitest';
import { urlOf } from './support/browser.ts';
import { EVERYDAY, type Running, runCommand, start, summaryOf } from './support/command.ts';

const running: Running[] = [];
afterEach(() => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL');
});

async function serve(...args: string[]) {
  const run = start([...args, '--web', '0', '--json', '--sec', '0.2']);
  running.push(run);
  const url = await urlOf(run);
  const read = async <T>(path: string): Promise<T> => (await (await fetch(`${url}api/${path}`)).json()) as T;
  return {
    run,
    url,
    setup: () => read<Setup>('setup'),
    tick: () => read<Tick>('tick'),
    async set(name: string, value: unknown) {
      const response = await fetch(`${url}api/controls/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-cpumap-dashboard': '1' },
        body: JSON.stringify({ value }),
      });
      const { error } = (await response.json()) as { error?: string };
      return { status: response.status, error };
    },
    async end() {
      run.child.kill('SIGINT');
      const finished = await run.finished;
      expect(finished.stderr).toBe('');
      expect(finished.code).toBe(0);
      const summary = summaryOf(finished);
      expect(summary.ledger.balanced).toBe(true);
      return summary;
    },
  };
}

/** Asks again and again until it holds. */
async function until(what: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await what()); tries++) {
    if (tries > 400) expect.fail(`it never came to: ${what}`);
    await sleep(20);
  }
}

const PKTGEN = ['--pktgen', 'rate=2k,flows=64', '--cpu', '1', '--cpu', '2', '--cpu', '3', '--rx-cpu', '0'];
const CAPTURE = ['--input', EVERYDAY, '--cpu', '1', '--cpu', '2', '--rx-cpu', '0', '--rx-queues', '2'];

describe('--web', () => {
  it.each([
    [['--host', '0.0.0.0'], '--host needs --web'],
    [['--allow-control'], '--allow-control needs --web'],
    [['--web', '--allow-control'], '--allow-control needs --backend linux'],
    [['--web', '--executor', 'virtual'], '--web needs --executor threads'],
    [['--web', '65536'], '--web is a whole number from 0 to 65535'],
    [['--web', 'x'], '--web is a whole number from 0 to 65535'],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await runCommand([...PKTGEN, ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it('says which port is taken, and what helps', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { code, stderr, stdout } = await runCommand([...PKTGEN, '--web', String(port)]);
    expect(stderr).toBe(`xdp-redirect-cpu: --web: port ${port} of 127.0.0.1 is taken: --web 0 finds a free one\n`);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    await new Promise((resolve) => taken.close(resolve));
  });

  it('ends with --duration', async () => {
    const { code, stdout } = await runCommand([...PKTGEN, '--web', '0', '--duration', '0.3']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Dashboard: http:\/\/127\.0\.0\.1:\d+\/$/m);
  });

  it('stays when all frames were sent, says so, and can send them again', async () => {
    const run = start([...CAPTURE, '--web', '0']);
    running.push(run);
    const text = await run.printed('All frames were sent; the page stays until Ctrl-C: http');
    const url = /Dashboard: (\S+)/.exec(text)![1]!;
    const headers = { 'content-type': 'application/json', 'x-cpumap-dashboard': '1' };
    expect((await (await fetch(`${url}api/setup`)).json()) as Setup).toMatchObject({ input: 'ended' });
    for (let again = 0; again < 30; again++) {
      const answer = await fetch(`${url}api/controls/position`, { method: 'POST', headers, body: '{"value":900}' });
      expect(answer.status).toBe(200);
      await sleep(again); // they are sent at once: the run must notice neither too little nor too much of it
    }
    run.child.kill('SIGTERM');
    const { code, stdout } = await run.finished;
    expect(code).toBe(0);
    const received = Number(/Packets received +: ([\d,]+)\n/.exec(stdout)![1]!.replace(',', ''));
    expect(received).toBeGreaterThan(909);
    expect(stdout).toMatch(/balanced/);
  });
});

describe('controls of a run with generated frames', () => {
  it('pause and resume it, and change its rate', async () => {
    const { set, setup, tick, end } = await serve(...PKTGEN);
    expect(await set('paused', true)).toEqual({ status: 200 });
    expect(await setup()).toMatchObject({
      input: 'paused',
      controls: { pause: { paused: true }, rate: { value: 2000 } },
    });
    await until(async () => (await tick()).point.received === 0);
    expect(await set('rate', 40_000)).toEqual({ status: 200 });
    expect((await tick()).point.received).toBe(0);
    expect(await set('paused', false)).toEqual({ status: 200 });
    await until(async () => (await tick()).point.received! > 20_000);
    expect(await set('rate', 'max')).toEqual({ status: 200 });
    await until(async () => (await tick()).point.received! > 100_000);
    expect(await set('rate', 500)).toEqual({ status: 200 });
    await until(async () => (await tick()).point.received! < 1000);
    expect((await setup()).controls!.rate).toEqual({ value: 500 });
    await end();
  });

  it('park and activate CPUs, change the program and the size of the rings; no frame is aborted by it', async () => {
    const { set, setup, tick, end } = await serve(...PKTGEN, '--program-mode', 'round-robin');
    const busy = async (): Promise<number[]> =>
      (await tick()).point.cpus.filter(({ enqueued }) => enqueued > 0).map(({ cpu }) => cpu);
    await until(async () => (await busy()).join() === '1,2,3');
    expect(await set('cpu', { cpu: 3, active: false })).toEqual({ status: 200 });
    await until(async () => (await busy()).join() === '1,2');
    expect(await set('cpu', { cpu: 1, active: false })).toEqual({ status: 200 });
    await until(async () => (await busy()).join() === '2');
    expect(await set('cpu', { cpu: 2, active: false })).toEqual({ status: 409, error: 'CPU 2 is the last one in use' });
    expect((await setup()).topology.remoteCpus).toMatchObject([{ active: false }, { active: true }, { active: false }]);
    expect(await set('cpu', { cpu: 1, active: true })).toEqual({ status: 200 });
    expect(await set('cpu', { cpu: 3, active: true })).toEqual({ status: 200 });
    await until(async () => (await busy()).join() === '1,2,3');
    expect(await set('program', 'no-touch')).toEqual({ status: 200 });
    await until(async () => (await busy()).join() === '1');
    const { topology, controls } = await setup();
    expect(topology.program).toBe('no_touch');
    expect(controls!.cpus!.note).toMatch('only the first CPU');
    expect(await set('cpu', { cpu: 1, active: false })).toEqual({ status: 200 });
    await until(async () => (await busy()).join() === '2');
    expect(await set('qsize', 64)).toEqual({ status: 200 });
    expect((await setup()).topology.remoteCpus.map(({ qsize }) => qsize)).toEqual([64, 64, 64]);
    expect(await set('program', 'round-robin')).toEqual({ status: 200 });
    await until(async () => (await busy()).join() === '2,3');
    const summary = await end();
    expect(summary.xdp.aborted).toBe(0);
    expect(summary.program).toBe('round_robin');
  });

  it.each(['max', '5k'])(
    'park and activate again and again at rate %s: round_robin never loses its turn',
    async (rate) => {
      const { set, end } = await serve('--pktgen', `rate=${rate},flows=64`, ...PKTGEN.slice(2), '-p', 'round-robin');
      for (let change = 0; change < 40; change++) {
        const wanted = { cpu: 1 + (change % 2), active: change % 4 >= 2 };
        expect(await set('cpu', wanted)).toEqual({ status: 200 });
      }
      const { xdp, exception, rx } = await end();
      expect(rx.packets).toBeGreaterThan(100);
      expect({ aborted: xdp.aborted, exception }).toEqual({ aborted: 0, exception: 0 });
    },
  );

  it('refuse what they cannot take, and say what they can', async () => {
    const { set, end } = await serve(...PKTGEN);
    const wrong: readonly [name: string, value: unknown, status: number, message: string][] = [
      ['rate', 0, 400, 'a rate is "max", or frames per second above 0'],
      ['rate', '5', 400, 'a rate is "max"'],
      ['rate', 1e13, 400, 'a rate is "max"'],
      ['qsize', 0, 400, 'from 1 to 16384'],
      ['qsize', 16_385, 400, 'from 1 to 16384'],
      ['qsize', 1.5, 400, 'from 1 to 16384'],
      ['program', 'l5-hash', 400, 'the programs are no-touch'],
      ['cpu', 1, 400, 'it is { "cpu"'],
      ['cpu', { cpu: 9, active: true }, 400, 'CPU 9 has no entry: there are 1, 2, 3'],
      ['paused', 'yes', 400, 'true or false'],
      ['position', 1, 409, 'position cannot be set in this run'],
    ];
    for (const [name, value, status, message] of wrong) {
      const answer = await set(name, value);
      expect([name, answer.status]).toEqual([name, status]);
      expect(answer.error).toContain(message);
    }
    await end();
  });
});

describe('controls of a run that has sent all', () => {
  it.each([
    [['--pktgen', 'rate=max', '--count', '1000', '--cpu', '1'], 1000, ['rate', 5]],
    [['--input', EVERYDAY, '--loop', '--count', '1000', '--cpu', '1'], 1000, ['position', 5]],
  ] as const)('%j: refuse what would not bring frames', async (args, packets, [name, value]) => {
    const { set, setup, end } = await serve(...args);
    await until(async () => (await setup()).input === 'ended');
    expect(await set(name, value)).toEqual({ status: 409, error: 'all frames were sent' });
    expect((await end()).rx.packets).toBe(packets);
  });
});

describe('controls of a run with a capture', () => {
  it('pause it where it is, and every frame is received once', async () => {
    const { set, setup, end } = await serve(...CAPTURE, '--speed', '5');
    for (let pause = 0; pause < 5; pause++) {
      expect((await set('paused', true)).status).toBe(200);
      const { frame } = (await setup()).controls!.replay!;
      await sleep(30);
      expect((await setup()).controls!.replay!.frame).toBe(frame);
      expect((await set('paused', false)).status).toBe(200);
      await sleep(30);
    }
    await until(async () => (await setup()).input === 'ended');
    expect((await set('position', 880)).status).toBe(200);
    await until(async () => (await setup()).input === 'ended');
    expect((await set('position', 909)).error).toBe('the capture has frames 0 to 908');
    expect((await set('paused', true)).error).toBe('all frames were sent');
    const { rx } = await end();
    expect(rx.packets + rx.missed).toBe(909 + 29);
  });
});
