/**
 * wakeup: how long a sleeping remote CPU takes to see a frame: from the flush that wakes it to the kthread's event. Single
 * frames, 2 ms apart, so that CPU and kthread sleep each time; the same events of engine and kernel.
 */
import { createHost } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { kernelSide } from './kernel/kernel-side.ts';
import { createPath, type PathSpec, RX_CPU } from './redirect-path.ts';
import { percentile, spreadOf } from './stats.ts';
import type { Figure, Plot, Suite } from './suite.ts';
import { wakeupsOf } from './wakeup-records.ts';

const PATH: PathSpec = { mode: 'no-touch', remote: 'drop', flows: 1, qsize: 2048 };
/** Of the latencies, in the plot. */
const PERCENTILES = [1, 10, 25, 50, 75, 90, 95, 99, 99.9];

interface Wakeups {
  wakeups(count: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

async function onEngine(): Promise<Wakeups> {
  const host = await createHost({ cpus: 2 });
  const program = await createPath(host, PATH);
  const device = host.createDevice({ irqCpus: [RX_CPU] });
  host.attachXdp(device.name, program);
  return {
    async wakeups(count) {
      const subscription = host.trace.subscribe(['xdp_cpumap_enqueue', 'xdp_cpumap_kthread']);
      device.start(pktgenSource(parsePktgenSpec('rate=500'), count));
      await host.settle();
      const { records } = subscription.read();
      subscription.close();
      return wakeupsOf(records, count);
    },
    close: () => host.close(),
  };
}

/** By percentile, in microseconds: the spread over the rounds. */
function latencies(rounds: readonly (readonly number[])[]): Plot['series'][number]['points'] {
  return PERCENTILES.map((percent) => ({
    x: percent,
    ...spreadOf(rounds.map((times) => percentile(times, percent) / 1e3)),
  }));
}

export const wakeup: Suite = {
  name: 'wakeup',
  what: 'flush to first frame seen on a sleeping remote CPU, engine and kernel',
  async run({ smoke, rounds = smoke ? 2 : 7 }) {
    const count = smoke ? 20 : 400;
    const engine = await onEngine();
    const kernel = await kernelSide(PATH);
    const linux = typeof kernel === 'string' ? undefined : kernel;
    const ours: (readonly number[])[] = [];
    const theirs: (readonly number[])[] = [];
    try {
      await engine.wakeups(count);
      await linux?.wakeups(count);
      for (let i = 0; i < rounds; i++) {
        ours.push(await engine.wakeups(count));
        if (linux !== undefined) theirs.push(await linux.wakeups(count));
      }
    } finally {
      await engine.close();
      await linux?.close();
    }
    const figures: Figure[] = [];
    for (const percent of [50, 99]) {
      const of = (times: readonly number[]): number => percentile(times, percent) / 1e3;
      figures.push({ name: `p${percent}`, unit: 'us', ...spreadOf(ours.map(of)) });
      if (linux === undefined) continue;
      figures.push({ name: '  the kernel', unit: 'us', ...spreadOf(theirs.map(of)) });
      const ratios = ours.map((times, i) => of(times) / of(theirs[i]!));
      figures.push({ name: '  ratio', unit: 'engine / kernel', ...spreadOf(ratios) });
    }
    const plot: Plot = {
      name: 'wakeup',
      title: 'Waking a sleeping remote CPU: flush to first frame seen',
      kind: 'bars',
      xName: 'percentile',
      unit: 'us',
      series: [
        { name: 'engine', points: latencies(ours) },
        ...(linux === undefined ? [] : [{ name: 'kernel', points: latencies(theirs) }]),
      ],
    };
    return { figures, plots: [plot], ...(typeof kernel === 'string' && { skipped: [`the kernel: ${kernel}`] }) };
  },
};
