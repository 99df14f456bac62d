/** Frames between real threads: all of them, whole, in the order of their flow, and their buffers back at home. */
import type { Host } from '@cpumap/host';
import { afterEach, describe, expect, it } from 'vitest';
import { cpuMap, endClean, expectAccounted, load, threadsHost } from './support/machine.ts';
import { programCode, watchFlows } from './support/threads.ts';

let host: Host;
afterEach(() => endClean(host));

const FLOWS = 48;
const FRAMES = 4800;
/** A ring that holds all buffers of a device is never full, so nothing can be lost. */
const QSIZE = 2048;
const BUFFERS = { rxRing: 512, buffers: 1024 };

describe('frames of many flows', () => {
  it.each([
    { release: '6.18', cpus: 2, channels: 1, mode: 'native' },
    { release: '6.18', cpus: 3, channels: 1, mode: 'native' },
    { release: '6.18', cpus: 4, channels: 3, mode: 'native' },
    { release: '6.18', cpus: 3, channels: 2, mode: 'generic' },
    { release: '4.15', cpus: 2, channels: 1, mode: 'native' },
    { release: '4.15', cpus: 4, channels: 3, mode: 'native' },
  ] as const)('$release: $cpus CPUs, $channels queues, $mode mode', async ({ release, cpus, channels, mode }) => {
    host = await threadsHost({ cpus, release });
    const nic = host.createDevice({ channels, irqCpus: [0, 1, 2].slice(0, channels), ...BUFFERS });
    const map = cpuMap(host);
    for (let cpu = 0; cpu < cpus; cpu++) map.set(cpu, { qsize: QSIZE * channels });
    const flows = await watchFlows(host, FLOWS, FRAMES);
    const program = await load(host, programCode('redirectByFlow'), { map, constants: { first: 0, cpus } });
    host.attachXdp('nic0', program, mode);

    nic.start(flows.source(10));
    await host.settle();

    expect(flows.tally()).toEqual({
      frames: 10 * FRAMES,
      byCpu: new Array(cpus).fill((10 * FRAMES) / cpus),
      disordered: 0,
      damaged: 0,
      strange: 0,
    });
    expectAccounted(host);
  });
});

describe('buffers return to the pool they came from', () => {
  it('whichever CPU frees them, of two devices with queues on all CPUs', async () => {
    host = await threadsHost({ cpus: 4 });
    const devices = [
      host.createDevice({ channels: 4, irqCpus: [0, 1, 2, 3], rxRing: 128, buffers: 300 }),
      host.createDevice({ channels: 3, irqCpus: [3, 1, 2], rxRing: 64, buffers: 100 }),
    ];
    const map = cpuMap(host);
    for (let cpu = 0; cpu < 4; cpu++) map.set(cpu, { qsize: 4096 });
    const flows = await watchFlows(host, FLOWS, FRAMES);
    for (const [index, { name }] of devices.entries()) {
      const constants = { first: index, cpus: 3 };
      host.attachXdp(name, await load(host, programCode('redirectByFlow'), { map, constants }));
    }
    for (let round = 1; round <= 3; round++) {
      for (const nic of devices) nic.start(flows.source(2));
      await host.settle();
      expectAccounted(host);
      const { frames, damaged, strange } = flows.tally();
      expect([frames, damaged, strange]).toEqual([round * 4 * FRAMES, 0, 0]);
    }
  });
});
