/** Bursts on the engine: its test runs, its devices, its tracepoints and packet handlers. */
import type { Host, XdpLink } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import type { TraceRecord } from '@cpumap/tracepoints';
import { LOOPBACK, type SubjectMap } from '../subject.ts';
import { createArea, readArea } from './collector.ts';
import type { Names } from './names.ts';
import { type Delivered, eventText, isEmptyTurn, seenOf } from './seen.ts';
import { type Burst, IN, type Seen, type Traffic, type TrafficDevice } from './traffic.ts';

/** Nanoseconds: less than any turn of a virtual CPU takes. */
const STEP = 100;
const HANDLER = { module: new URL('../../dist/traffic/collector.js', import.meta.url).href, export: 'collector' };

export interface EngineTrafficParts {
  readonly host: Host;
  readonly names: Names;
  /** The loaded program behind a subject's. */
  readonly program: (handle: number) => Parameters<Host['testRun']>[0];
}

export async function createEngineTraffic({ host, names, program }: EngineTrafficParts): Promise<Traffic> {
  const received = createArea();
  const sent = createArea();
  const subscription = host.trace.subscribe();
  await host.addHandler(HANDLER, { options: { area: received } });
  await host.addHandler(HANDLER, { options: { area: sent }, direction: 'out' });
  let ended: TraceRecord[] = [];
  names.devices.set(LOOPBACK, IN); // where the kernel's test runs come in

  /** Devices of test runs are made by the engine, one for each CPU; all are the one that frames come in on. */
  function deviceName(ifindex: number): string {
    return names.devices.get(ifindex) ?? IN;
  }

  function deviceFor(name: string, cpu: number): NicDevice {
    return host.devices.find((device) => device.name === name) ?? host.createDevice({ name, irqCpus: [cpu] });
  }

  function delivered(): Delivered[] {
    return [
      ...readArea(received).map(({ ifindex, ...rest }) => ({ where: deviceName(ifindex), ...rest })),
      ...readArea(sent).map(({ ifindex, ...rest }) => ({ where: `out of ${deviceName(ifindex)}`, ...rest })),
    ];
  }

  function read(): readonly TraceRecord[] {
    const { records, lost } = subscription.read();
    if (lost > 0) throw new Error(`${lost} trace records of the engine were lost`);
    ended.push(...records.filter(isEmptyTurn));
    return records;
  }

  /** On a device of our own, so that something can be done in the middle. */
  async function onDevice(
    nic: NicDevice,
    { program: own, data, repeat = 1, cpu = 0, generic, amidst }: Burst,
  ): Promise<void> {
    const mode = generic === undefined ? 'native' : 'generic';
    const link: XdpLink = host.attachXdp(nic.name, program(own.handle), mode);
    nic.setIrqAffinity(0, cpu);
    const before = nic.statistics().rx_packets!;
    nic.start({ frames: [data], order: Uint32Array.of(0), count: repeat });
    if (amidst !== undefined) {
      while (nic.statistics().rx_packets! < before + repeat) await host.advance(STEP);
      amidst();
    }
    await host.settle();
    link.detach();
  }

  async function burst(given: Burst): Promise<Seen> {
    const { program: own, data, repeat = 1, cpu = 0, generic, amidst } = given;
    read();
    delivered();
    ended = [];
    if (generic !== undefined) await onDevice(deviceFor(generic.name, cpu), given);
    else if (amidst !== undefined) await onDevice(deviceFor(`test${cpu}`, cpu), given);
    else await own.testRun({ data, repeat, cpu, liveFrames: true });
    for (const device of host.devices) {
      if (!names.devices.has(device.ifindex)) names.devices.set(device.ifindex, IN);
    }
    const { balanced, problems } = host.ledger();
    if (!balanced) throw new Error(`the engine's ledger: ${problems.join('; ')}`);
    return seenOf(read(), delivered(), names);
  }

  return {
    device(name): TrafficDevice {
      const { ifindex } = deviceFor(name, 0);
      names.devices.set(ifindex, name);
      return { name, ifindex };
    },
    burst,
    async endings({ id }: SubjectMap, count) {
      const found = (): TraceRecord[] => ended.filter(({ fields }) => fields.map_id === id);
      await host.advance(Number.POSITIVE_INFINITY, () => {
        read();
        return found().length >= count;
      });
      return found().map((record) => eventText(record, names));
    },
    close: () => subscription.close(),
  };
}
