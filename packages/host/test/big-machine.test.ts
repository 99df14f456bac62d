/** The largest machine: 256 CPUs, each with the longest ring, on one thread and in a bounded memory. */
import { ACCEPT_ALL } from '@cpumap/host';
import { RELEASES } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, redirectBy, send, virtualHost } from './support/machine.ts';

const MIB = 1024 * 1024;
const CPUS = 256;
const DEEPEST = 16_384;

describe.each(RELEASES)('256 CPUs with rings of 16384 on %s', (release) => {
  it('fit into 128 MiB, and each delivers what it got', async () => {
    const host = await virtualHost({ release, cpus: CPUS, memoryBytes: 128 * MIB });
    const nic = device(host, { buffers: DEEPEST });
    await host.addHandler(ACCEPT_ALL);
    const map = cpuMap(host);
    for (let cpu = 0; cpu < CPUS; cpu++) map.set(cpu, { qsize: DEEPEST });
    expect(map.cpus()).toHaveLength(CPUS);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy((frame) => frame % CPUS),
        { map },
      ),
    );
    await send(host, nic, { ...sourceOf([numberedFrame(0)]), count: 64 * CPUS });
    expect(host.statistics().cpus.map(({ stack }) => stack.delivered)).toEqual(new Array(CPUS).fill(64));
    for (let cpu = 0; cpu < CPUS; cpu += 2) map.delete(cpu);
    for (let cpu = 1; cpu < CPUS; cpu += 2) map.set(cpu, { qsize: DEEPEST });
    await host.settle();
    expect(map.cpus()).toHaveLength(CPUS / 2);
    await endClean(host);
  });
});
