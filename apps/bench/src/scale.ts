/**
 * scale: what a frame costs, in nanoseconds of this thread, while one thing grows: remote CPUs, flows, entries of the map,
 * length of the rings, frames, polls. Everything runs in the virtual executor, so all CPUs' work is in the time and no thread waits for
 * another.
 */
import { ACCEPT_ALL, cpuMapOf, createHost } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { sampleMaps, sampleProgram } from '@cpumap/programs';
import { countsOf } from './redirect-path.ts';
import { type Spread, spreadOf } from './stats.ts';
import type { Figure, Plot, Suite } from './suite.ts';

interface Machine {
  readonly cpus: number;
  readonly flows: number;
  readonly entries: number;
  readonly qsize: number;
  /** Bytes of a frame on the wire. */
  readonly size: number;
  /** Frames in a poll of the RX queue; AT_ONCE is a full one. */
  readonly poll: number;
}

const AT_ONCE = 64;
const USUAL: Machine = { cpus: 4, flows: 1024, entries: 8, qsize: 2048, size: 64, poll: AT_ONCE };
/** The driver looks every 20 us: frames per second that make a poll of one frame. */
const POLLS_PER_SECOND = 50_000;

interface Sweep {
  readonly name: keyof Machine;
  readonly what: string;
  readonly values: readonly number[];
  /** What else is not as usual. */
  readonly with?: Partial<Machine>;
  /** The cost should not depend on it. */
  readonly flat: boolean;
}
const SWEEPS: readonly Sweep[] = [
  { name: 'cpus', what: 'remote CPUs', values: [1, 2, 4, 8], flat: true },
  { name: 'flows', what: 'flows', values: [1, 16, 256, 4096, 65536], flat: true },
  { name: 'entries', what: 'entries of the cpumap', values: [8, 32, 128, 256], flat: true },
  // of a poll of 16 a ring of 8 hardly ever loses one of four CPUs' shares
  {
    name: 'qsize',
    what: 'frames that a ring holds',
    values: [8, 64, 512, 2048, 16384],
    with: { poll: 16 },
    flat: true,
  },
  { name: 'size', what: 'bytes of a frame', values: [64, 128, 256, 512, 1024, 1518], flat: false },
  { name: 'poll', what: 'frames in a poll', values: [1, 2, 4, 8, 16, 32, AT_ONCE], flat: false },
];

/** A machine on which rounds run, warm. */
async function createMachine({ cpus, flows, entries, qsize, size, poll }: Machine) {
  const host = await createHost({ cpus: Math.max(entries, cpus + 1), executor: 'virtual' });
  const nrCpus = host.possibleCpus;
  const maps = Object.fromEntries(sampleMaps(nrCpus, 8).map((spec) => [spec.name, host.createMap(spec)]));
  const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
  for (let i = 0; i < cpus; i++) {
    cpuMapOf(maps.cpu_map!).set(i + 1, { qsize });
    maps.cpus_available!.update(i, u32(i + 1));
  }
  maps.cpus_count!.update(0, u32(cpus));
  const rate = poll === AT_ONCE ? 'max' : poll * POLLS_PER_SECOND;
  const device = host.createDevice({ irqCpus: [0], rxRing: 64 });
  await host.addHandler(ACCEPT_ALL);
  host.attachXdp(device.name, await host.loadProgram(sampleProgram('l4-hash', { maps, nrCpus })));
  return {
    close: () => host.close(),
    /** Nanoseconds a frame. @throws Error when one went uncounted, or more than a hundredth was lost */
    async round(frames: number): Promise<number> {
      const droppedBefore = countsOf(host.statistics()).dropped;
      device.start(pktgenSource(parsePktgenSpec(`rate=${rate},flows=${flows},size=${size}`), frames));
      const begin = performance.now(); // without making the senders' frames
      await host.settle();
      const ns = ((performance.now() - begin) * 1e6) / frames;
      const ledger = host.ledger();
      if (!ledger.balanced || ledger.inFlight !== 0) throw new Error(ledger.problems.join('; '));
      const dropped = countsOf(host.statistics()).dropped - droppedBefore;
      if (dropped > frames / 100) throw new Error(`rings were full for ${dropped} of ${frames} frames`);
      return ns;
    },
  };
}

/** The spread of each value's cost; rounds of all values in turn. */
async function sweep({ name, values, with: others }: Sweep, frames: number, rounds: number): Promise<Spread[]> {
  const machines = [];
  for (const value of values) machines.push(await createMachine({ ...USUAL, ...others, [name]: value }));
  const times: number[][] = values.map(() => []);
  try {
    for (const machine of machines) await machine.round(frames);
    for (let round = 0; round < rounds; round++) {
      for (const [i, machine] of machines.entries()) times[i]!.push(await machine.round(frames));
    }
  } finally {
    for (const machine of machines) await machine.close();
  }
  return times.map(spreadOf);
}

/** Nanoseconds a frame as frames a second. */
function asRate<P extends Spread>(cost: P): P {
  return { ...cost, min: 1e3 / cost.max, median: 1e3 / cost.median, max: 1e3 / cost.min };
}

export const scale: Suite = {
  name: 'scale',
  what: 'cost of a frame while CPUs, flows, entries, rings, frames and polls grow; virtual executor',
  async run({ smoke, frames = smoke ? 2_000 : 200_000, rounds = smoke ? 2 : 9 }) {
    const figures: Figure[] = [];
    const plots: Plot[] = [];
    for (const one of SWEEPS) {
      const costs = await sweep(one, frames, rounds);
      const points = costs.map((cost, i) => ({ x: one.values[i]!, ...cost }));
      for (const { x, ...cost } of points) figures.push({ name: `${one.name} ${x}`, unit: 'ns/frame', ...cost });
      const medians = costs.map(({ median }) => median);
      const [first] = medians;
      const spread = spreadOf(medians.map((median) => (median / first! - 1) * 100));
      if (one.flat) figures.push({ name: '  flat', unit: '% above the first', ...spread });
      plots.push({
        name: `scale-${one.name}`,
        title: `Frames that one thread moves, by ${one.what}`,
        kind: 'lines',
        xName: one.what,
        unit: 'M frames/s',
        series: [{ name: 'engine, all CPUs on one thread', points: points.map(asRate) }],
      });
    }
    return { figures, plots };
  },
};
