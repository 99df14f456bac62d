/** --web with --backend linux: the numbers of the kernel's summary, read only unless it is allowed, and what it then changes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Setup, Tick } from '@cpumap/dashboard';
import { buildFrame } from '@cpumap/nic';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LinuxSummary } from 'xdp-redirect-cpu';
import { urlOf } from './support/browser.ts';
import { type Running, summaryOf } from './support/command.ts';
import { createNamespace, describeOnLinux, type Namespace } from './support/kernel.ts';

const FRAMES = Array.from({ length: 200 }, (_, n) =>
  buildFrame({
    network: { version: 4, source: `10.0.0.${n}`, destination: '10.0.1.1' },
    transport: { protocol: 'udp', sourcePort: 1000 + n, destinationPort: 53 },
  }),
);

describeOnLinux('the page of a run on the running kernel', () => {
  let namespace: Namespace;
  let running: Running | undefined;
  beforeEach(async () => {
    namespace = await createNamespace();
    namespace.run('ip link set lo up');
    namespace.run('ip link add va type veth peer name vb');
    for (const device of ['va', 'vb']) {
      namespace.run(`ip link set ${device} addrgenmode none`); // nothing but the test's own frames
      namespace.run(`ip link set ${device} up`);
    }
  });
  afterEach(() => {
    running?.child.kill('SIGKILL');
    namespace.close();
  });

  async function serve(...args: string[]) {
    running = namespace.start([
      ...['--backend', 'linux', '--dev', 'va', '--cpu', '0', '--cpu', '1', '--skb-mode', '--web', '0', '--json'],
      ...args,
    ]);
    const url = await urlOf(running);
    return {
      setup: () => namespace.ask(`${url}api/setup`).body as Setup,
      tick: () => namespace.ask(`${url}api/tick`).body as Tick,
      set: (name: string, value: unknown) => namespace.ask(`${url}api/controls/${name}`, value),
      async end(): Promise<LinuxSummary> {
        running!.child.kill('SIGINT');
        return summaryOf(await running!.finished) as unknown as LinuxSummary;
      },
    };
  }

  it('has the numbers of the summary, and changes nothing', async () => {
    const { setup, tick, set, end } = await serve('--program-mode', 'l4-hash');
    expect(setup()).toMatchObject({
      topology: { backend: 'linux', device: 'va', program: 'lb_hash_ip_pairs', queues: [{ name: 'va' }] },
      controls: null,
      whyNoControls: '--allow-control lets this page change what the kernel does, and was not given',
      sampler: null,
    });
    expect(set('qsize', 64)).toMatchObject({ status: 403 });
    expect(namespace.send('vb', FRAMES)).toBe(FRAMES.length);
    let totals = tick().totals;
    for (let tries = 0; totals.taken < FRAMES.length && tries < 50; tries++) {
      await sleep(100);
      totals = tick().totals;
    }
    const { rx, enqueue, kthread } = await end();
    expect(totals).toMatchObject({
      received: rx.packets,
      enqueued: enqueue.processed,
      enqueueDrops: enqueue.drops,
      missed: null,
      delivered: null,
    });
    const taken = totals.cpus.filter((cpu) => cpu.taken > 0).map((cpu) => [cpu.cpu, cpu.taken]);
    expect(taken).toEqual(kthread.filter((cpu) => cpu.processed > 0).map((cpu) => [cpu.cpu, cpu.processed]));
  });

  it('with --allow-control changes the program, the entries, and which CPUs are in use', async () => {
    const { setup, set, end } = await serve('--program-mode', 'round-robin', '--allow-control');
    expect(setup().controls).toMatchObject({
      rate: null,
      pause: null,
      replay: null,
      program: { value: 'round-robin' },
    });
    expect(set('qsize', 1024).status).toBe(200);
    expect(set('cpu', { cpu: 0, active: false }).status).toBe(200);
    expect(setup().topology.remoteCpus).toEqual([
      { cpu: 0, qsize: 1024, active: false },
      { cpu: 1, qsize: 1024, active: true },
    ]);
    namespace.send('vb', FRAMES);
    expect(set('program', 'no-touch').status).toBe(200);
    expect(setup().topology.program).toBe('no_touch');
    namespace.send('vb', FRAMES);
    const { kthread, exception, program, rx } = await end();
    expect(kthread.filter(({ processed }) => processed > 0)).toMatchObject([{ cpu: 1, processed: rx.packets }]);
    expect({ exception, program }).toEqual({ exception: 0, program: 'no_touch' });
    expect(rx.packets).toBe(2 * FRAMES.length);
  });
});
