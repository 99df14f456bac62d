/** The two executors agree on everything that timing does not decide. */
import { ACCEPT_ALL, createHost, type Host, total, type XdpMode } from '@cpumap/host';
import { RELEASES, type Release } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { numberedFrame, sourceOf } from './support/frames.ts';
import { cpuMap, endClean, load, send } from './support/machine.ts';
import { programCode } from './support/threads.ts';

const MIB = 1024 * 1024;
const FLOWS = 40;
const FRAMES = Array.from({ length: 4000 }, (_, n) => numberedFrame(n, n % FLOWS, 60 + (n % 700)));

function totals(host: Host): Record<string, unknown> {
  const statistics = host.statistics();
  const { xdp, cpumap, stack } = statistics.cpus[0]!;
  const sum = (layer: 'xdp' | 'cpumap' | 'stack', names: string[]): Record<string, number> =>
    Object.fromEntries(names.map((name) => [name, total(statistics, (cpu) => (cpu[layer] as never)[name])]));
  return {
    device: statistics.devices[0]!.counters,
    xdp: sum('xdp', Object.keys(xdp)),
    cpumap: { ...sum('cpumap', Object.keys(cpumap)), wakeups: undefined }, // as timing has it
    stack: sum('stack', Object.keys(stack)),
    perCpu: statistics.cpus.map((cpu) => cpu.stack),
    verdicts: statistics.cpus.map((cpu) => cpu.xdp),
    exceptions: total(statistics, (cpu) => cpu.trace.exception),
    enqueued: total(statistics, (cpu) => cpu.trace.enqueue.reduce((n, { processed }) => n + processed, 0)),
    taken: total(statistics, (cpu) => cpu.trace.kthread.processed),
    errnos: statistics.cpus.map((cpu) => [...cpu.trace.errnos]),
  };
}

async function outcome(executor: 'threads' | 'virtual', release: Release, mode: XdpMode): Promise<unknown> {
  const host = await createHost({ cpus: 3, executor, release, memoryBytes: 128 * MIB });
  const nic = host.createDevice({ channels: 2, irqCpus: [0, 1], rxRing: 256, buffers: 512 });
  const map = cpuMap(host);
  map.set(2, { qsize: 4096 }); // more than there are buffers: nothing is lost
  await host.addHandler(ACCEPT_ALL);
  const program = await load(host, programCode('verdictByFlow'), { map, constants: { to: 2 } });
  host.attachXdp('nic0', program, mode);
  await send(host, nic, sourceOf(FRAMES));
  const result = totals(host);
  await endClean(host);
  return result;
}

describe.each(RELEASES)('on %s', (release) => {
  it.each(['native', 'generic'] as const)('the same counters in %s mode', async (mode) => {
    const virtual = await outcome('virtual', release, mode);
    expect(await outcome('threads', release, mode)).toEqual(virtual);
    expect(virtual).toMatchObject({
      device: { rx_packets: 4000 },
      xdp: { aborted: 800, drop: 800, pass: 800, tx: 800 },
      exceptions: 800,
    });
  });
});
