/** One seed, one history: the virtual executor does the same again, to the nanosecond. */
import type { ProgramFactory } from '@cpumap/bpf';
import { ACCEPT_ALL, type XdpMode } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import type { Release } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { cpuMap, device, endClean, load, virtualHost } from './support/machine.ts';

interface Configuration {
  readonly cpus: number;
  readonly channels: number;
  readonly release: Release;
  readonly mode: XdpMode;
  readonly traffic: string;
  /** Entries are replaced and deleted meanwhile. */
  readonly churn: boolean;
}

const CONFIGURATIONS: Configuration[] = [
  { cpus: 1, channels: 1, release: '6.18', mode: 'native', traffic: 'flows=8', churn: false },
  { cpus: 2, channels: 1, release: '4.15', mode: 'native', traffic: 'flows=8,rate=2M', churn: false },
  { cpus: 2, channels: 2, release: '6.18', mode: 'generic', traffic: 'flows=16,imix', churn: true },
  { cpus: 5, channels: 3, release: '6.18', mode: 'native', traffic: 'flows=32,rate=5M', churn: true },
  { cpus: 8, channels: 4, release: '4.15', mode: 'native', traffic: 'flows=64', churn: true },
  { cpus: 16, channels: 8, release: '6.18', mode: 'native', traffic: 'flows=64,rate=20M', churn: true },
];

/** Every event with its time, and all counters at the end, as text. */
async function history(c: Configuration, seed: number): Promise<string> {
  const host = await virtualHost({ cpus: c.cpus, release: c.release, seed, traceRecords: 1 << 15 });
  await host.addHandler(ACCEPT_ALL);
  const nic = device(host, { channels: c.channels, irqCpus: Array.from({ length: c.cpus }, (_, cpu) => cpu) });
  const map = cpuMap(host);
  for (let cpu = 0; cpu < c.cpus; cpu++) map.set(cpu, { qsize: 64 });
  const random: ProgramFactory =
    ({ helpers, maps }) =>
    () => {
      return helpers.redirectMap(maps.cpu_map!, helpers.getPrandomU32() % c.cpus, 0);
    };
  host.attachXdp('nic0', await load(host, random, { map }), c.mode);
  const events = host.trace.subscribe();
  nic.start(pktgenSource(parsePktgenSpec(c.traffic), 3000));
  for (let round = 0; c.churn && round < 20; round++) {
    await host.advance(10_000);
    if (round % 3 === 2) map.delete(round % c.cpus);
    else map.set(round % c.cpus, { qsize: 8 + 16 * round });
  }
  await host.settle();
  const { records, lost } = events.read();
  expect(lost).toBe(0);
  const lines = records.map((record) => `${record.timestampNs} ${host.trace.format(record)}`);
  const text = `${lines.join('\n')}\n${JSON.stringify(host.statistics(), (_, value) => (value instanceof Map ? [...value] : value))}`;
  await endClean(host);
  return text;
}

describe.each(CONFIGURATIONS)('$cpus CPUs, $channels queues, $release, $mode, $traffic', (configuration) => {
  it('the same seed gives the same history', async () => {
    const first = await history(configuration, 42);
    expect(await history(configuration, 42)).toBe(first);
    expect(first.split('\n').length).toBeGreaterThan(3000);
  });

  it('other seeds give others', async () => {
    const histories = new Set<string>();
    for (const seed of [0, 1, 2, 42, -1, 0xffffffff]) histories.add(await history(configuration, seed));
    expect(histories.size).toBe(5); // -1 and 0xffffffff are one
  });
});
