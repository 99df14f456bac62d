/** A small machine for a test: the host, its device, a cpumap, programs from closures, and how each test ends. */
import type { BpfMap, BpfProgram, ProgramFactory, ProgramSpec } from '@cpumap/bpf';
import { type CpuMap, cpuMapOf, createHost, type DeviceOptions, type Host, type HostOptions } from '@cpumap/host';
import type { FrameSource, NicDevice } from '@cpumap/nic';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE } from '@cpumap/uapi';
import { expect } from 'vitest';

const MIB = 1024 * 1024;

/** Two virtual CPUs, unless the test says otherwise. */
export function virtualHost(options: Partial<HostOptions> = {}): Promise<Host> {
  return createHost({ cpus: 2, executor: 'virtual', memoryBytes: 256 * MIB, ...options });
}

/** A thread for each CPU. */
export function threadsHost(options: Partial<HostOptions> = {}): Promise<Host> {
  return createHost({ cpus: 2, executor: 'threads', memoryBytes: 256 * MIB, ...options });
}

/** A device whose queues are all served by CPU 0. */
export function device(host: Host, options: DeviceOptions = {}): NicDevice {
  return host.createDevice({ irqCpus: [0], buffers: 2048, ...options });
}

/** A cpumap with a slot for each CPU; its values have room for a program where the release knows that. */
export function cpuMap(host: Host, maxEntries = host.possibleCpus): CpuMap {
  const valueSize = host.release === '4.15' ? 4 : 8;
  return cpuMapOf(host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize, maxEntries }));
}

export interface ProgramOptions extends Partial<ProgramSpec> {
  readonly map?: CpuMap;
}

/** Loads a program for devices; `map` is what it finds as `cpu_map`. */
export function load(
  host: Host,
  code: ProgramFactory | ProgramSpec['code'],
  { map, maps, ...rest }: ProgramOptions = {},
): Promise<BpfProgram> {
  const named: Record<string, BpfMap> = map === undefined ? {} : { cpu_map: map.map };
  return host.loadProgram({
    name: 'test',
    code: typeof code === 'function' ? { factory: code } : code,
    maps: { ...named, ...maps },
    ...rest,
  });
}

/** Loads a program for cpumap entries. */
export function loadRemote(
  host: Host,
  code: ProgramFactory | ProgramSpec['code'],
  options: ProgramOptions = {},
): Promise<BpfProgram> {
  return load(host, code, { name: 'remote', expectedAttachType: BPF_ATTACH_TYPE.XDP_CPUMAP, ...options });
}

/** Redirects every frame to the CPU that `cpuOf` names for it; frames are counted from 0 on each CPU. */
export function redirectBy(cpuOf: (frame: number) => number, flags = 0): ProgramFactory {
  return ({ helpers, maps }) => {
    let frame = 0;
    return () => helpers.redirectMap(maps.cpu_map!, cpuOf(frame++), flags);
  };
}

/** Sends frames and lets the machine run until all of them have ended. */
export async function send(host: Host, nic: NicDevice, source: FrameSource): Promise<void> {
  nic.start(source);
  await host.settle();
}

/** Every received frame has ended in one counter, and every buffer is back where it belongs. */
export function expectAccounted(host: Host): void {
  expect(host.ledger()).toEqual({ balanced: true, inFlight: 0, lost: [], problems: [] });
  for (const nic of host.devices) {
    const { total, home } = nic.buffers();
    expect({ device: nic.name, home }).toEqual({ device: nic.name, home: total });
  }
}

/** How every test that moves frames ends. */
export async function endClean(host: Host): Promise<void> {
  await host.settle();
  expectAccounted(host);
  await host.close();
  expect(host.failures).toEqual([]);
}
