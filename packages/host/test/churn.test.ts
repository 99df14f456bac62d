/** Entries that are replaced and deleted under load, thousands of times: no frame lost uncounted, no memory lost. */
import { ACCEPT_ALL, createHost, type Host, total } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { createPrng } from '@cpumap/smp';
import { RELEASES, XDP_PASS } from '@cpumap/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, device, endClean, load, loadRemote, redirectBy, virtualHost } from './support/machine.ts';
import { programCode } from './support/threads.ts';

const MIB = 1024 * 1024;
/** Rings alone: thousands of entries of this size are many times the memory that the hosts here have. */
const QSIZES = [8, 128, 1024, 16_000];

let host: Host;
afterEach(() => endClean(host));

/** Every frame met a program, and was taken, refused for want of an entry, or passed. */
function expectAllCounted(frames: number): void {
  const statistics = host.statistics();
  expect(statistics.devices[0]!.counters.rx_packets).toBe(frames);
  const missed = total(statistics, ({ xdp }) => xdp.aborted + xdp.redirect_err);
  const taken = total(statistics, ({ cpumap }) => cpumap.taken);
  const full = total(statistics, ({ cpumap }) => cpumap.ring_full);
  const delivered = total(statistics, ({ stack }) => stack.delivered);
  expect([missed + taken, delivered]).toEqual([frames, taken - full]);
  expect(total(statistics, ({ trace }) => trace.kthread.processed)).toBe(taken - full);
}

describe.each(RELEASES)('virtual CPUs on %s', (release) => {
  it.each([1, 2, 3])('3000 replaces and deletes between polls, seed %i', async (seed) => {
    host = await virtualHost({ release, seed, cpus: 4, memoryBytes: 24 * MIB });
    const random = createPrng(seed);
    const nic = device(host, { buffers: 1500, channels: 2, irqCpus: [0, 3] });
    await host.addHandler(ACCEPT_ALL);
    const map = cpuMap(host);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy((frame) => (frame >> 3) % 4),
        { map },
      ),
    );
    nic.start(pktgenSource(parsePktgenSpec('flows=16'), 60_000));
    for (let round = 0; round < 3000; round++) {
      await host.advance(random.below(2000));
      const cpu = random.below(4);
      const what = random.below(4);
      if (what === 0) map.delete(cpu);
      else map.set(cpu, { qsize: what === 1 ? 0 : QSIZES[random.below(4)]! });
    }
    await host.settle();
    expectAllCounted(60_000);
  });

  it('updates without any time between them find their predecessors gone', async () => {
    host = await virtualHost({ release, memoryBytes: 24 * MIB });
    const map = cpuMap(host);
    for (let round = 0; round < 3000; round++) map.set(round & 1, { qsize: 16_000 });
    expect(map.cpus()).toEqual([0, 1]);
  });

  it('maps that come and go', async () => {
    host = await virtualHost({ release, memoryBytes: 24 * MIB });
    for (let round = 0; round < 500; round++) {
      const map = cpuMap(host, 1 + (round % 256));
      map.set(round & 1, { qsize: 16_000 });
      map.map.close();
    }
  });
});

describe('virtual CPUs with second programs', () => {
  it('entries with and without one take turns under load', async () => {
    host = await virtualHost({ cpus: 3, memoryBytes: 24 * MIB });
    const nic = device(host, { buffers: 1500 });
    await host.addHandler(ACCEPT_ALL);
    const map = cpuMap(host);
    const remote = await loadRemote(host, () => () => XDP_PASS);
    host.attachXdp(
      'nic0',
      await load(
        host,
        redirectBy((frame) => 1 + (frame & 1)),
        { map },
      ),
    );
    nic.start(pktgenSource(parsePktgenSpec('flows=4'), 20_000));
    for (let round = 0; round < 500; round++) {
      await host.advance(3000);
      map.set(1 + (round & 1), { qsize: 512, program: round % 3 === 0 ? remote.id : 0 });
    }
    await host.settle();
    expectAllCounted(20_000);
    const passed = total(host.statistics(), ({ trace }) => trace.kthread.xdpPass);
    expect(passed).toBeGreaterThan(0);
  });
});

describe.each(RELEASES)('threads on %s', (release) => {
  it('2000 replaces and deletes while frames are redirected', async () => {
    host = await createHost({ cpus: 3, release, memoryBytes: 48 * MIB });
    const nic = host.createDevice({ irqCpus: [0], buffers: 8192 });
    await host.addHandler(ACCEPT_ALL);
    const map = cpuMap(host);
    const constants = { first: 1, cpus: 2 };
    host.attachXdp('nic0', await load(host, programCode('redirectByFlow'), { map, constants }));
    const frames = Array.from({ length: 64 }, (_, flow) => numberedFrame(flow, flow));
    nic.start({ ...sourceOf(frames), count: Number.POSITIVE_INFINITY });
    const random = createPrng(7);
    for (let round = 0; round < 2000; round++) {
      const cpu = 1 + random.below(2);
      if (random.below(5) === 0) map.delete(cpu);
      else map.set(cpu, { qsize: QSIZES[random.below(4)]! });
      if (round % 100 === 0) await host.advance(100_000);
    }
    nic.wire!.stop();
    await host.settle();
    expectAllCounted(host.statistics().devices[0]!.counters.rx_packets!);
    for (const cpu of [1, 2]) expect(host.statistics().cpus[cpu]!.stack.delivered).toBeGreaterThan(0);
  });
});
