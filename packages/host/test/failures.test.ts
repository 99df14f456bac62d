/** What goes wrong in other people's code, or is asked wrongly: it is reported, counted, and the machine goes on. */
import { createHost, type Host } from '@cpumap/host';
import { BPF_ATTACH_TYPE, ERRNO, KernelError, NET_RX_DROP, NET_RX_SUCCESS, XDP_PASS } from '@cpumap/uapi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from './support/collect.ts';
import { burst, numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, redirectBy, send, virtualHost } from './support/machine.ts';
import { programCode } from './support/threads.ts';
import { linesOf } from './support/trace.ts';

let host: Host;
const told: string[] = [];

beforeEach(async () => {
  told.length = 0;
  host = await virtualHost({ onReport: (text) => told.push(text) });
});
afterEach(() => endClean(host));

const throwAt = (every: number) => () => {
  let frame = 0;
  return (): number => {
    if (frame++ % every === 0) throw new RangeError('no such thing');
    return XDP_PASS;
  };
};

describe('a program that throws', () => {
  it.each(['native', 'generic'] as const)(
    'in %s mode has aborted that frame, once told and always counted',
    async (mode) => {
      const nic = device(host);
      const delivered = await collect(host);
      const { id } = await load(host, throwAt(3));
      host.attachXdp('nic0', await load(host, throwAt(3)), mode);
      const lines = await linesOf(host, () => send(host, nic, burst(10)));
      expect(lines).toEqual(new Array(4).fill(`xdp_exception: prog_id=${id + 1} action=ABORTED ifindex=2`));
      const { xdp } = host.statistics().cpus[0]!;
      expect([xdp.aborted, xdp.threw, xdp.pass]).toEqual([4, 4, 6]);
      expect(delivered).toHaveLength(6);
      expect(told).toEqual([`program ${id + 1} on CPU 0 threw RangeError: no such thing`]);
      expect(host.reports).toEqual(told);
    },
  );

  it('as a second program loses that frame of its batch', async () => {
    const nic = device(host);
    const map = cpuMap(host);
    const delivered = await collect(host);
    const remote = await loadRemote(host, throwAt(4));
    map.set(1, { qsize: 64, program: remote.id });
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy(() => 1),
        { map },
      ),
    );
    const lines = await linesOf(host, () => send(host, nic, burst(10)), ['xdp_exception']);
    expect(lines).toEqual(new Array(3).fill(`xdp_exception: prog_id=${remote.id} action=ABORTED ifindex=2`));
    const { xdp, cpumap } = host.statistics().cpus[1]!;
    expect([xdp.threw, cpumap.prog_drop, cpumap.delivered]).toEqual([3, 3, 7]);
    expect(delivered).toHaveLength(7);
    expect(told).toEqual([`program ${remote.id} on CPU 1 threw RangeError: no such thing`]);
  });
});

describe('a packet handler', () => {
  const handler = (receive: (frame: number) => number) => ({
    factory: () => {
      let frame = 0;
      return { receive: () => receive(frame++) };
    },
  });

  it('that throws loses the frame; the one behind it is delivered', async () => {
    const nic = device(host);
    await host.addHandler(
      handler((frame) => {
        if (frame % 2 === 0) throw new TypeError('cannot read this');
        return NET_RX_SUCCESS;
      }),
    );
    const lines = await linesOf(host, () => send(host, nic, burst(5)));
    expect(lines).toEqual(new Array(3).fill('xdp_exception: prog_id=0 action=ABORTED ifindex=2'));
    const { stack } = host.statistics().cpus[0]!;
    expect([stack.failed, stack.delivered]).toEqual([3, 2]);
    expect(told).toEqual(['a packet handler on CPU 0 threw TypeError: cannot read this']);
  });

  it('that throws on a remote CPU is counted there as refused', async () => {
    const nic = device(host);
    const map = cpuMap(host);
    map.set(1, { qsize: 64 });
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy(() => 1),
        { map },
      ),
    );
    await host.addHandler(
      handler((frame) => {
        if (frame === 0) throw new Error('not this one');
        return NET_RX_SUCCESS;
      }),
    );
    await send(host, nic, burst(3));
    const { stack, cpumap } = host.statistics().cpus[1]!;
    expect([stack.failed, stack.delivered, cpumap.refused, cpumap.delivered]).toEqual([1, 2, 1, 2]);
  });

  it('that refuses frames drops them; without any handler nobody takes them', async () => {
    const nic = device(host);
    await send(host, nic, burst(2));
    const id = await host.addHandler(handler((frame) => (frame === 0 ? NET_RX_DROP : NET_RX_SUCCESS)));
    await send(host, nic, burst(3));
    await host.removeHandler(id);
    await send(host, nic, burst(4));
    const { stack } = host.statistics().cpus[0]!;
    expect([stack.nohandler, stack.dropped, stack.delivered]).toEqual([6, 1, 2]);
  });

  it('of a protocol sees frames of that protocol only, and is told when it is removed', async () => {
    const nic = device(host);
    const seen: string[] = [];
    const watch = (name: string) => ({
      factory: () => ({
        receive: () => seen.push(name) && NET_RX_SUCCESS,
        close: () => void seen.push(`${name} closed`),
      }),
    });
    await host.addHandler(watch('ip'), { protocol: 0x0800 });
    const id = await host.addHandler(watch('arp'), { protocol: 0x0806 });
    const arp = numberedFrame(0);
    arp.set([0x08, 0x06], 12);
    await send(host, nic, sourceOf([numberedFrame(0), arp]));
    await host.removeHandler(id);
    await send(host, nic, sourceOf([arp]));
    expect(seen).toEqual(['ip', 'arp', 'arp closed', 'arp closed']); // one per CPU
  });
});

describe('a program that cannot be loaded', () => {
  it.each([
    ['a module that is not there', { module: 'file:///nowhere/at-all.js', export: 'x' }, /at-all\.js/],
    ['an export that is not there', programCode('nothing'), /exports no function 'nothing', but .*redirectTo/],
    ['an export that is no function', programCode('notAFunction'), /exports no function 'notAFunction'/],
    [
      'a factory that returns nothing',
      programCode('returnsNothing'),
      /program test: its factory must return a function/,
    ],
    ['a factory that throws', programCode('factoryThrows'), /thrown by a factory/],
  ])('%s: the error says which, and the machine goes on', async (_, code, message) => {
    await expect(load(host, code)).rejects.toThrow(message);
    const nic = device(host);
    host.attachXdp('nic0', await load(host, programCode('pass')));
    await send(host, nic, burst(3));
    expect(host.statistics().cpus[0]!.xdp.pass).toBe(3);
  });

  it('does not become the owner of its maps', async () => {
    const map = cpuMap(host);
    await expect(load(host, programCode('factoryThrows'), { map, frags: true })).rejects.toThrow();
    await load(host, programCode('pass'), { map, frags: false });
    const again = load(host, programCode('pass'), { map, frags: true });
    await expect(again).rejects.toMatchObject({ code: 'EINVAL', syscall: 'bpf(BPF_PROG_LOAD)' });
  });
});

describe('attaching', () => {
  const refused = (act: () => unknown): KernelError => {
    try {
      act();
    } catch (error) {
      if (error instanceof KernelError) return error;
    }
    throw new Error('it was not refused');
  };

  it('a device that is not there: ENODEV, before anything else', async () => {
    device(host, { name: 'eth0' });
    const remote = await loadRemote(host, () => () => XDP_PASS);
    const { code, errno, hint } = refused(() => host.attachXdp('eth1', remote));
    expect([code, errno, hint]).toEqual(['ENODEV', ERRNO.ENODEV, 'no such device; there is eth0']);
  });

  it.each(['XDP_CPUMAP', 'XDP_DEVMAP'] as const)('a program made for %s: EINVAL', async (type) => {
    device(host);
    const program = await load(host, () => () => XDP_PASS, { expectedAttachType: BPF_ATTACH_TYPE[type] });
    expect(refused(() => host.attachXdp('nic0', program)).code).toBe('EINVAL');
  });

  it('in the other mode than one that is attached: EEXIST, until that is detached', async () => {
    const nic = device(host);
    const program = await load(host, () => () => XDP_PASS);
    for (const [mode, other] of [['native', 'generic'] as const, ['generic', 'native'] as const]) {
      const link = host.attachXdp('nic0', program, mode);
      expect(refused(() => host.attachXdp('nic0', program, other)).code).toBe('EEXIST');
      await send(host, nic, burst(1));
      link.detach();
      link.detach();
    }
    await send(host, nic, burst(1));
    expect(host.statistics().cpus[0]!.xdp.pass).toBe(3);
  });

  it('in the same mode replaces; the link of the one before detaches nothing any more', async () => {
    const nic = device(host);
    const before = host.attachXdp('nic0', await load(host, programCode('pass')));
    host.attachXdp('nic0', await load(host, programCode('drop')));
    before.detach();
    await send(host, nic, burst(2));
    expect(host.statistics().cpus[0]!.xdp).toMatchObject({ pass: 0, drop: 2 });
  });
});

describe('a device', () => {
  it('of a name that exists: EEXIST', () => {
    device(host, { name: 'eth0' });
    expect(() => device(host, { name: 'eth0' })).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });
});

describe('a host', () => {
  it.each([0, -1, 1.5, 257, Number.NaN])('of %d CPUs: EINVAL', async (cpus) => {
    await expect(createHost({ cpus, executor: 'virtual' })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it.each([0, -1, 64 * 1024, 2 ** 32, Number.NaN])('with %d bytes of memory: ENOMEM', async (memoryBytes) => {
    await expect(createHost({ cpus: 2, executor: 'virtual', memoryBytes })).rejects.toMatchObject({ code: 'ENOMEM' });
  });

  it('that is out of memory says so, and keeps what it has', async () => {
    const small = await virtualHost({ memoryBytes: 6 * 1024 * 1024 });
    const nic = device(small, { buffers: 512, rxRing: 64 });
    const map = cpuMap(small);
    map.set(1, { qsize: 64 });
    const delivered = await collect(small);
    small.attachXdp(
      'nic0',
      await load(
        small,
        redirectBy(() => 1),
        { map },
      ),
    );
    await send(small, nic, burst(40));

    const tries: string[] = [];
    const attempt = (act: () => unknown): void => {
      try {
        act();
        tries.push('ok');
      } catch (error) {
        tries.push((error as KernelError).code);
      }
    };
    attempt(() => device(small, { buffers: 100_000 }));
    attempt(() => nic.setRingParam({ rx: 8192 }));
    attempt(() => nic.setChannels(100));
    for (let n = 0; n < 200; n++) attempt(() => cpuMap(small, 256).set(0, { qsize: 16_384 }));
    expect(tries.slice(0, 3)).toEqual(['ENOMEM', 'ENOMEM', 'ENOMEM']);
    expect(tries.at(-1)).toBe('ENOMEM');
    attempt(() => map.set(1, { qsize: 16_384 }));
    expect(tries.at(-1)).toBe('ENOMEM');
    expect([map.get(1)!.qsize, nic.channels(), nic.ringParam().rx, small.devices.length]).toEqual([64, 1, 64, 1]);
    await send(small, nic, burst(40)); // in the room that the source before it had
    expect(delivered).toHaveLength(80);
    await endClean(small);
  });
});
