/** Queues that move between threads under load, whose old and new CPUs free frames of theirs at the same time. */

import { total } from '@cpumap/host';
import { createPrng } from '@cpumap/smp';
import { expect, it } from 'vitest';
import { cpuMap, endClean, load, threadsHost } from './support/machine.ts';
import { programCode, watchFlows } from './support/threads.ts';

it.each(['native', 'generic'] as const)(
  '300 moves of two queues in %s mode: every frame whole and counted',
  async (mode) => {
    const host = await threadsHost({ cpus: 3 });
    const nic = host.createDevice({ channels: 2, irqCpus: [0, 1], rxRing: 64, buffers: 400 });
    const map = cpuMap(host);
    for (let cpu = 0; cpu < 3; cpu++) map.set(cpu, { qsize: 64 });
    const flows = await watchFlows(host, 30, 3000);
    const program = await load(host, programCode('redirectByFlow'), { map, constants: { first: 0, cpus: 3 } });
    host.attachXdp('nic0', program, mode);
    nic.start({ ...flows.source(1), count: Number.POSITIVE_INFINITY });
    const random = createPrng(5);
    for (let move = 0; move < 300; move++) {
      nic.setIrqAffinity(random.below(2), random.below(3));
      if (move % 3 === 0) await host.advance(200_000);
    }
    nic.wire!.stop();
    await host.settle();

    const statistics = host.statistics();
    const { frames, damaged, strange } = flows.tally();
    const lost = total(statistics, ({ cpumap, xdp }) => cpumap.ring_full + xdp.redirect_err);
    expect([damaged, strange]).toEqual([0, 0]);
    expect(frames).toBe(statistics.devices[0]!.counters.rx_packets! - lost);
    expect(statistics.cpus.every(({ xdp }) => xdp.redirect + xdp.redirect_err > 0)).toBe(true);
    await endClean(host);
  },
);
