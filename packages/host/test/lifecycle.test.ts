/** The end of a machine, at any moment, on both executors. */
import { ACCEPT_ALL, createHost, type Host } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { describe, expect, it } from 'vitest';
import { burst } from './support/frames.ts';
import { cpuMap, expectAccounted, load, send } from './support/machine.ts';
import { programCode } from './support/threads.ts';

const MIB = 1024 * 1024;

describe.each(['virtual', 'threads'] as const)('on the %s executor', (executor) => {
  async function machine(mode: 'native' | 'generic' = 'native'): Promise<Host> {
    const host = await createHost({ cpus: 3, executor, memoryBytes: 64 * MIB });
    host.createDevice({ channels: 2, irqCpus: [0, 1], buffers: 2048 });
    const map = cpuMap(host);
    map.set(2, { qsize: 256 });
    await host.addHandler(ACCEPT_ALL);
    host.attachXdp('nic0', await load(host, programCode('redirectTo'), { map, constants: { to: 2 } }), mode);
    return host;
  }

  it('a machine that never did anything closes, twice and at the same time', async () => {
    const host = await machine();
    await Promise.all([host.close(), host.close()]);
    await host.close();
    expect(host.failures).toEqual([]);
  });

  it.each(['max', '2M', '10', '0.001'])('closes while a source that never ends sends at %s a second', async (rate) => {
    const host = await machine();
    const [nic] = host.devices;
    nic!.start(pktgenSource(parsePktgenSpec(`flows=16,rate=${rate}`), Number.POSITIVE_INFINITY));
    await host.advance(3e6);
    await host.close();
    expect(host.failures).toEqual([]);
    const { rx_packets } = host.statistics().devices[0]!.counters;
    if (rate === 'max' || rate === '2M') expect(rx_packets).toBeGreaterThan(100);
    expect(host.ledger().problems).toEqual([]);
  });

  it('closes in generic mode too, with frames on their way', async () => {
    const host = await machine('generic');
    host.devices[0]!.start(pktgenSource(parsePktgenSpec('flows=16'), Number.POSITIVE_INFINITY));
    await host.advance(2e6);
    await host.close();
    expect(host.failures).toEqual([]);
    expect(host.ledger().problems).toEqual([]);
  });

  it('ends what waits for it', async () => {
    const host = await machine();
    host.devices[0]!.start(pktgenSource(parsePktgenSpec('rate=1000'), Number.POSITIVE_INFINITY));
    const forEver = executor === 'threads' ? host.advance(1e15) : host.advance(1e9);
    await host.close();
    await forEver;
    expect(host.failures).toEqual([]);
  });

  it('settles at once when there is nothing to do, and again after work', async () => {
    const host = await machine();
    await host.settle();
    for (let round = 0; round < 3; round++) {
      await send(host, host.devices[0]!, burst(100));
      expectAccounted(host);
    }
    expect(host.statistics().cpus[2]!.stack.delivered).toBe(300);
    await host.close();
  });

  it('time goes on only in advance on virtual CPUs, and by itself on threads', async () => {
    const host = await machine();
    const before = host.now();
    await host.advance(5e6);
    const passed = host.now() - before;
    if (executor === 'virtual') expect(passed).toBe(5e6);
    else expect(passed).toBeGreaterThanOrEqual(5e6);
    await host.close();
  });

  it('maps that are closed early, devices that are closed early', async () => {
    const host = await machine();
    const map = cpuMap(host);
    map.set(1, { qsize: 8 });
    map.map.close();
    map.map.close();
    expect(() => map.get(1)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    await send(host, host.devices[0]!, burst(10));
    host.devices[0]!.close();
    host.devices[0]!.close();
    expect(host.statistics().devices[0]!.counters.rx_packets).toBe(10);
    await host.close();
    expect(host.failures).toEqual([]);
  });
});
