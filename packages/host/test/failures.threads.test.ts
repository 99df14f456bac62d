/** Failures on real threads: code that cannot be sent, code that throws, and CPUs that die. */
import { type Host, total } from '@cpumap/host';
import { XDP_PASS } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { burst, numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, endClean, load, loadRemote, send, threadsHost } from './support/machine.ts';
import { handlerCode, programCode } from './support/threads.ts';

let host: Host;
/** Lets messages of the threads in. */
const eventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const FOR_EVER = { ...sourceOf([numberedFrame(0)]), count: Number.POSITIVE_INFINITY };

describe('while all CPUs live', () => {
  afterEach(() => endClean(host));

  it('a bare function cannot be a program or a handler: EINVAL, before any CPU is asked', async () => {
    host = await threadsHost();
    const program = load(host, () => () => XDP_PASS);
    await expect(program).rejects.toMatchObject({ code: 'EINVAL', syscall: 'bpf(BPF_PROG_LOAD)' });
    const handler = host.addHandler({ factory: () => ({ receive: () => 0 }) });
    await expect(handler).rejects.toMatchObject({ code: 'EINVAL', hint: expect.stringContaining("'virtual'") });
  });

  it.each([
    ['a module that is not there', { module: 'file:///nowhere/at-all.js', export: 'x' }, /at-all\.js/],
    ['an export that is not there', programCode('nothing'), /exports no function 'nothing', but .*redirectTo/],
    [
      'a factory that returns nothing',
      programCode('returnsNothing'),
      /program test: its factory must return a function/,
    ],
    ['a factory that throws', programCode('factoryThrows'), /thrown by a factory/],
  ])('%s: the error says which, and the machine goes on', async (_, code, message) => {
    host = await threadsHost();
    await expect(load(host, code)).rejects.toThrow(message);
    await expect(host.addHandler({ module: 'file:///nowhere/at-all.js', export: 'x' })).rejects.toThrow(/at-all\.js/);
    const nic = host.createDevice({ irqCpus: [0] });
    host.attachXdp('nic0', await load(host, programCode('pass')));
    await send(host, nic, burst(100));
    expect(host.statistics().cpus[0]!.xdp.pass).toBe(100);
  });

  it('a program and a handler that throw are told once per CPU and counted every time', async () => {
    const told: string[] = [];
    host = await threadsHost({ onReport: (text) => told.push(text) });
    const nic = host.createDevice({ irqCpus: [0] });
    await host.addHandler(handlerCode('throwing'));
    const { id } = await load(host, programCode('throwing'), { constants: { every: 4 } });
    host.attachXdp('nic0', await load(host, programCode('throwing'), { constants: { every: 4 } }));
    await send(host, nic, burst(100));
    const { xdp, stack, trace } = host.statistics().cpus[0]!;
    expect([xdp.aborted, xdp.threw, xdp.pass, stack.failed]).toEqual([25, 25, 75, 75]);
    expect(trace.exception).toBe(100);
    await load(host, programCode('pass')); // its answer comes behind what the CPU told before
    expect(told).toEqual([
      `program ${id + 1} on CPU 0 threw RangeError: thrown by a program`,
      'a packet handler on CPU 0 threw RangeError: thrown by a handler',
    ]);
    expect(host.reports).toEqual(told);
  });
});

describe('a CPU that dies', () => {
  it('while it receives: it is named, its frames are its loss, the machine closes', async () => {
    host = await threadsHost({ cpus: 3 });
    const nic = host.createDevice({ irqCpus: [0], buffers: 1024 });
    const map = cpuMap(host);
    map.set(1, { qsize: 512 });
    const constants = { at: 10_000, to: 1 };
    host.attachXdp('nic0', await load(host, programCode('exiting'), { map, constants }));
    nic.start(FOR_EVER);
    await host.settle();

    expect(host.failures.map(({ cpu }) => cpu)).toEqual([0]);
    expect(host.failures[0]!.error.message).toContain('exit code 3');
    const { balanced, lost, inFlight } = host.ledger();
    expect([balanced, inFlight, lost.map(({ cpu }) => cpu)]).toEqual([false, 0, [0]]);
    expect(lost[0]!.frames).toBeGreaterThan(0);

    const dead = { code: 'EIO', hint: expect.stringContaining('CPU 0') };
    await expect(load(host, programCode('pass'))).rejects.toMatchObject(dead);
    expect(() => map.set(0, { qsize: 8 })).toThrow(expect.objectContaining(dead));
    await host.close();
    await host.close();
    expect(host.failures).toHaveLength(1);
  });

  it('while it takes frames: those in its ring are lost too', async () => {
    host = await threadsHost({ cpus: 3 });
    const nic = host.createDevice({ irqCpus: [0], buffers: 1024 });
    const map = cpuMap(host);
    const remote = await loadRemote(host, programCode('exitingRemote'), { constants: { at: 100 } });
    map.set(2, { qsize: 512, program: remote.id });
    host.attachXdp('nic0', await load(host, programCode('redirectTo'), { map, constants: { to: 2 } }));
    nic.start(FOR_EVER);
    await host.settle();
    expect(host.failures.map(({ cpu }) => cpu)).toEqual([2]);
    nic.wire!.stop();
    // the rest of the machine goes on until its ring is full and its source has stopped
    for (let turn = 0; turn < 1000 && !nic.wire!.done; turn++) await eventLoop();
    const { lost } = host.ledger();
    expect(lost.map(({ cpu }) => cpu)).toEqual([2]);
    expect(lost[0]!.frames).toBeGreaterThan(0);
    expect(total(host.statistics(), ({ cpumap }) => cpumap.dequeued)).toBeLessThan(200);
    await host.close();
  });

  it('because its program never returns: it is given up, and the others go on until then', async () => {
    host = await threadsHost({ cpus: 2 });
    const [stuck, fine] = [0, 1].map((cpu) => host.createDevice({ irqCpus: [cpu], buffers: 512 }));
    host.attachXdp(stuck!.name, await load(host, programCode('spinning')));
    await send(host, fine!, burst(1000));
    expect(host.statistics().cpus[1]!.stack.nohandler).toBe(1000);
    stuck!.start(sourceOf([numberedFrame(0)]));
    await host.settle();
    expect(host.failures.map(({ cpu }) => cpu)).toEqual([0]);
    expect(host.ledger().lost).toEqual([{ cpu: 0, frames: 1 }]);
    await host.close();
  });

  it('with another one: both are named', async () => {
    host = await threadsHost({ cpus: 2 });
    const constants = { at: 100, to: 0 };
    const program = await load(host, programCode('exiting'), { map: cpuMap(host), constants });
    for (const cpu of [0, 1]) {
      const { name } = host.createDevice({ irqCpus: [cpu], buffers: 512 });
      host.attachXdp(name, program);
    }
    for (const nic of host.devices) nic.start(FOR_EVER);
    for (let turn = 0; turn < 1_000_000 && host.failures.length < 2; turn++) await eventLoop();
    await host.close();
    expect(host.failures.map(({ cpu }) => cpu).sort()).toEqual([0, 1]);
    expect(
      host
        .ledger()
        .lost.map(({ cpu }) => cpu)
        .sort(),
    ).toEqual([0, 1]);
  });
});
