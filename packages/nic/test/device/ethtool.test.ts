/** What ethtool shows and sets, and what it refuses. */
import { KernelError } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { type NicDevice, parsePktgenSpec, pktgenSource, RX_RING_MAX, RX_RING_MIN } from '../../src/index.ts';
import { createBench } from './support/bench.ts';

const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    expect(error.hint).toBeTruthy();
    return error.code;
  }
};
const table = (queue: number, length = 128): number[] => new Array(length).fill(queue);
const key = (length: number): Uint8Array => new Uint8Array(length);
const FLOWS = parsePktgenSpec('flows=100');

/** Settings, and whether a device of two queues on two CPUs takes them. */
const SETTINGS: [string, (nic: NicDevice) => void, string][] = [
  ['channels 1', (nic) => nic.setChannels(1), 'ok'],
  ['channels 128', (nic) => nic.setChannels(128), 'ok'],
  ['channels 0', (nic) => nic.setChannels(0), 'EINVAL'],
  ['channels 129', (nic) => nic.setChannels(129), 'EINVAL'],
  ['channels 1.5', (nic) => nic.setChannels(1.5), 'EINVAL'],
  ['the shortest ring', (nic) => nic.setRingParam({ rx: RX_RING_MIN }), 'ok'],
  ['the longest ring', (nic) => nic.setRingParam({ rx: RX_RING_MAX }), 'ok'],
  ['a ring too short', (nic) => nic.setRingParam({ rx: RX_RING_MIN - 1 }), 'EINVAL'],
  ['a ring too long', (nic) => nic.setRingParam({ rx: RX_RING_MAX + 1 }), 'EINVAL'],
  ['a table', (nic) => nic.setRxfhIndir(table(1)), 'ok'],
  ['a table that names a queue too many', (nic) => nic.setRxfhIndir(table(2)), 'EINVAL'],
  ['a table that names queue -1', (nic) => nic.setRxfhIndir(table(-1)), 'EINVAL'],
  ['a table of 127', (nic) => nic.setRxfhIndir(table(0, 127)), 'EINVAL'],
  ['a key', (nic) => nic.setRxfhKey(key(40)), 'ok'],
  ['a key of 39 bytes', (nic) => nic.setRxfhKey(key(39)), 'EINVAL'],
  ['a key of 52 bytes', (nic) => nic.setRxfhKey(key(52)), 'EINVAL'],
];

describe('a setting', () => {
  it.each(SETTINGS)('%s: %s', async (_, set, answer) => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2, buffers: 64 });
    expect(codeOf(() => set(nic))).toBe(answer);
    await bench.send(nic, pktgenSource(FLOWS, 300));
    expect(bench.arrivals).toHaveLength(300);
    bench.end(nic);
  });

  it.each(SETTINGS.filter(([, , answer]) => answer === 'ok'))('%s while frames come in: EBUSY', async (_, set) => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2, buffers: 64 });
    nic.start(pktgenSource(parsePktgenSpec('rate=100k'), 20));
    await bench.advance(50_000);
    expect(codeOf(() => set(nic))).toBe('EBUSY');
    expect(codeOf(() => nic.start(pktgenSource(FLOWS, 1)))).toBe('EBUSY');
    await bench.settle(nic);
    expect(codeOf(() => set(nic))).toBe('ok');
    await bench.send(nic, pktgenSource(FLOWS, 30));
    expect(bench.arrivals).toHaveLength(50);
    bench.end(nic);
  });

  it('a wrong value is EINVAL rather than EBUSY', async () => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2, buffers: 64 });
    nic.start(pktgenSource(parsePktgenSpec('rate=100k'), 20));
    for (const [, set] of SETTINGS.filter(([, , answer]) => answer === 'EINVAL'))
      expect(codeOf(() => set(nic))).toBe('EINVAL');
    await bench.settle(nic);
    bench.end(nic);
  });

  it('many of them, one after the other, keep all memory', async () => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2, rxRing: 64, buffers: 64 });
    await bench.send(nic, pktgenSource(FLOWS, 100));
    nic.setRingParam({ rx: 64 });
    const used = bench.used();
    for (let round = 0; round < 50; round++) {
      nic.setChannels(1 + (round % 7));
      nic.setRingParam({ rx: 8 + 8 * round });
      await bench.send(nic, pktgenSource(FLOWS, 100));
    }
    nic.setChannels(2);
    nic.setRingParam({ rx: 64 });
    expect(bench.used()).toBe(used);
    expect(nic.statistics().rx_packets).toBe(5100);
    bench.end(nic);
  });

  it('that does not fit into the memory is ENOMEM, and the device is as it was', async () => {
    const bench = createBench(2, { mib: 8 });
    const nic = bench.device({ channels: 2, rxRing: 64, buffers: 200 });
    nic.setRxfhIndir(table(1));
    const used = bench.used();
    expect(codeOf(() => nic.setRingParam({ rx: 8192 }))).toBe('ENOMEM');
    expect(codeOf(() => nic.setChannels(128))).toBe('ENOMEM');
    expect([nic.ringParam().rx, nic.channels(), nic.rxfh().indir, bench.used()]).toEqual([64, 2, table(1), used]);
    expect(codeOf(() => bench.device({ channels: 128 }))).toBe('ENOMEM');
    await bench.send(nic, pktgenSource(FLOWS, 300));
    expect(nic.queueCounts().map(({ packets }) => packets)).toEqual([0, 300]);
    bench.end(nic);
  });
});

describe('a device', () => {
  it.each([
    [{ mtu: 67 }, 'EINVAL'],
    [{ mtu: 68 }, 'ok'],
    [{ mtu: 9000 }, 'ok'],
    [{ mtu: 9001 }, 'EINVAL'],
    [{ channels: 0 }, 'EINVAL'],
    [{ rxRing: 7 }, 'EINVAL'],
    [{ irqCpus: [0, 2] }, 'EINVAL'],
    [{ irqCpus: [-1] }, 'EINVAL'],
    [{ irqCpus: [] }, 'ok'],
  ])('with %j: %s', (options, answer) => {
    const bench = createBench(2);
    expect(codeOf(() => bench.end(bench.device({ buffers: 64, ...options })))).toBe(answer);
  });

  it.each([
    [undefined, [0, 1, 2, 0, 1]],
    [[2], [2, 2, 2, 2, 2]],
    [
      [2, 0],
      [2, 0, 2, 0, 2],
    ],
  ])('with irqCpus %j binds its five queues to CPUs %j', (irqCpus, cpus) => {
    const bench = createBench(3);
    const nic = bench.device({ channels: 5, buffers: 64, ...(irqCpus && { irqCpus }) });
    expect([0, 1, 2, 3, 4].map((queue) => nic.irqAffinity(queue))).toEqual(cpus);
    expect(codeOf(() => nic.irqAffinity(5))).toBe('EINVAL');
    expect(codeOf(() => nic.setIrqAffinity(5, 0))).toBe('EINVAL');
    expect(codeOf(() => nic.setIrqAffinity(0, 3))).toBe('EINVAL');
    bench.end(nic);
  });

  it('its statistics have the names that drivers use, and stay when queues go', async () => {
    const bench = createBench(2);
    const nic = bench.device({ channels: 2, buffers: 64 });
    await bench.send(nic, pktgenSource(FLOWS, 200));
    const before = nic.statistics();
    expect(Object.keys(before)).toEqual([
      'rx_packets',
      'rx_bytes',
      'rx_missed_errors',
      'rx_length_errors',
      'rx_alloc_failed',
      'tx_packets',
      'tx_bytes',
      'rx_queue_0_packets',
      'rx_queue_0_bytes',
      'rx_queue_0_missed',
      'rx_queue_1_packets',
      'rx_queue_1_bytes',
      'rx_queue_1_missed',
    ]);
    expect([before.rx_packets, before.rx_bytes]).toEqual([200, 200 * 60]);
    expect(before.rx_queue_0_packets! + before.rx_queue_1_packets!).toBe(200);
    nic.setChannels(1);
    expect(nic.statistics()).toMatchObject({ rx_packets: 200, rx_bytes: 200 * 60, rx_queue_0_packets: 0 });
    expect(nic.statistics()).not.toHaveProperty('rx_queue_1_packets');
    bench.end(nic);
  });
});
