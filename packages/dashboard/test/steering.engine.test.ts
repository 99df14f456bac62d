/**
 * What is said of the programs' choice holds: through each of them, on the engine, frames that have the same key go to the same
 * CPU; and where it hashes, frames with different keys do not all.
 */
import { ACCEPT_ALL, cpuMapOf, createHost } from '@cpumap/host';
import { captureSource, type DecodedCapture } from '@cpumap/nic';
import { SAMPLE_PROGRAMS, STEERING_PROGRAMS, sampleMaps, sampleProgram, steeringProgram } from '@cpumap/programs';
import { createPrng } from '@cpumap/smp';
import { describe, expect, it } from 'vitest';
import { steeringOf } from '../src/flows/steering-words.ts';
import { bytes, ip, MAC, udp, word } from './support/frames.ts';

const SEED = 7;
const REMOTE = [1, 2, 3];
const CPUS = 4;

/** Random flows, plain and in each encapsulation, so few different ones that many share something. */
function traffic(count: number): Uint8Array[] {
  const random = createPrng(SEED);
  const below = (n: number): number => random.below(n);
  const transport = (from: number, to: number): string => {
    const ports = `${word(1000 + below(4), 2)}${word(2000 + below(4), 2)}`;
    const protocol = [6, 17, 132, 1, 50][below(5)]!;
    if (protocol === 50) return ip(50, from, to, `${word(1 + below(3), 4)} 00000000`);
    return ip(protocol, from, to, `${ports} 00000000 00000000 00000000 00000000`);
  };
  const packet = (): string => transport(1 + below(5), 6 + below(5));
  const outer = (port: number, payload: string): string =>
    `0800 ${ip(17, 20 + below(2), 30, udp(port === 2152 ? 2152 : 5000 + below(3), port, payload))}`;
  const wrap: readonly ((inner: string) => string)[] = [
    (inner) => `0800 ${inner}`,
    (inner) => `8100 ${word(below(3), 2)} 0800 ${inner}`,
    (inner) => `8864 1100 ${word(below(3), 2)} ${word(2 + inner.replace(/\s/g, '').length / 2, 2)} 0021 ${inner}`,
    (inner) => `8847 ${word(below(3), 2)} 4140 ${inner}`,
    (inner) => `0800 ${ip(47, 20, 30, `0000 0800 ${inner}`)}`,
    (inner) => outer(4789, `08000000 0000${word(below(3), 1)}00 ${MAC} 0800 ${inner}`),
    (inner) => outer(6081, `0000 6558 0000${word(below(3), 1)}00 ${MAC} 0800 ${inner}`),
    (inner) => outer(2152, `30ff ${word(inner.replace(/\s/g, '').length / 2, 2)} 0000000${below(3)} ${inner}`),
    () => outer(4500, `0000000${1 + below(3)} 00000000 00000000`),
    () => '0806 0001 0800 0604 0001 020000000002 0a000001 000000000000 0a000002',
  ];
  return Array.from({ length: count }, () => {
    const frame = bytes(`${MAC} ${wrap[below(wrap.length)]!(packet())}`);
    const padded = new Uint8Array(Math.max(frame.length, 60));
    padded.set(frame);
    return padded;
  });
}

/** The CPU that each frame was redirected to, by a program of that name. */
async function steered(program: string, frames: readonly Uint8Array[]) {
  const host = await createHost({ cpus: CPUS, executor: 'virtual', seed: SEED, probes: true });
  const maps = Object.fromEntries(sampleMaps(CPUS, 8).map((spec) => [spec.name, host.createMap(spec)]));
  const cpuMap = cpuMapOf(maps.cpu_map!);
  const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
  REMOTE.forEach((cpu, index) => {
    cpuMap.set(cpu, { qsize: 4096 });
    maps.cpus_available!.update(index, u32(cpu));
  });
  maps.cpus_count!.update(0, u32(REMOTE.length));
  const options = { maps, nrCpus: CPUS };
  const steering = STEERING_PROGRAMS.find(({ name }) => name === program);
  const spec =
    steering === undefined ? sampleProgram(program as 'no_touch', options) : steeringProgram(steering.name, options);
  const nic = host.createDevice();
  host.attachXdp(nic.name, await host.loadProgram(spec));
  await host.addHandler(ACCEPT_ALL);
  const probe = host.createProbe({ hooks: ['redirect'], snaplen: 200 });
  nic.start(captureSource({ frames: frames.map((data) => ({ timestampNs: 0n, data })) } as unknown as DecodedCapture));
  await host.settle();
  const { records, lost } = probe.read();
  expect(lost).toBe(0);
  probe.close();
  await host.close();
  return records.map(({ bytes, to }) => ({ bytes, to }));
}

describe('through the program', () => {
  const frames = traffic(1500);
  const names = [...SAMPLE_PROGRAMS, ...STEERING_PROGRAMS].map(({ name }) => name);
  it.each(names.filter((name) => name !== 'round_robin'))('%s a key has one CPU', async (name) => {
    const steering = steeringOf(name);
    const records = await steered(name, frames);
    expect(records.length).toBeGreaterThan(1000);
    const cpus = new Map<string, Set<number | undefined>>();
    for (const { bytes, to } of records) {
      const key = steering.key(bytes);
      cpus.set(key, (cpus.get(key) ?? new Set()).add(to));
    }
    const split = [...cpus].filter(([, targets]) => targets.size > 1).map(([key]) => key);
    expect(split).toEqual([]);
    const used = new Set([...cpus.values()].flatMap((targets) => [...targets]));
    if (steering.hashes) expect(used.size).toBe(REMOTE.length);
    if (name === 'no_touch' || name === 'touch_data') expect(used.size).toBe(1);
  });
});
