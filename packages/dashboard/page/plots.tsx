/** How it went: the last intervals over time. */
import type { PastPoint, Topology } from '../src/protocol.ts';
import { Chart, type Line } from './chart.tsx';
import { history } from './state.ts';
import { seriesColour } from './theme.ts';

type CpuField = Exclude<keyof PastPoint['cpus'][number], 'cpu'>;

/** As many as there are colours. */
const MOST_LINES = 8;

export function Plots({ topology }: { topology: Topology }) {
  const points = history.value;
  const remote = new Set(topology.remoteCpus.map(({ cpu }) => cpu));
  const times = points.map(({ at }) => at / 1000);
  const line = (name: string, colour: string, read: (point: PastPoint) => number | null): Line => ({
    name,
    colour,
    values: points.map(read),
  });
  const ranked = (field: CpuField, rank: number) => (point: PastPoint) => {
    const values = point.cpus.filter(({ cpu }) => remote.has(cpu)).map((each) => each[field]);
    return values.sort((a, b) => a - b)[Math.round(rank * (values.length - 1))] ?? null;
  };
  /** A line for each remote CPU; of many, the highest, the middle and the lowest at each moment. */
  const perCpu = (field: CpuField): Line[] => {
    if (remote.size <= MOST_LINES) return eachCpu(field);
    return [
      line(`highest of ${remote.size} CPUs`, '--loss', ranked(field, 1)),
      line('middle', '--flow', ranked(field, 0.5)),
      line('lowest', '--quiet', ranked(field, 0)),
    ];
  };
  const eachCpu = (field: CpuField): Line[] =>
    topology.remoteCpus.map(({ cpu }, index) => ({
      ...line(`CPU ${cpu}`, seriesColour(index), ({ cpus }) => cpus.find((each) => each.cpu === cpu)?.[field] ?? null),
    }));
  const took = ({ cpus }: PastPoint): number => cpus.reduce((sum, { taken }) => sum + taken, 0);
  return (
    <section aria-labelledby="plots">
      <h2 id="plots">Over time</h2>
      <div class="plots">
        <Chart
          title="Rate"
          unit="frames/s"
          times={times}
          lines={[line('received', '--flow', ({ received }) => received), line('taken over', '--ink', took)]}
        />
        <Chart
          title="Losses"
          unit="frames/s"
          times={times}
          lines={[
            line('ring full', '--loss', ({ enqueueDrops }) => enqueueDrops),
            line('missed by the NIC', '--warm', ({ missed }) => missed),
            line('program', '--flow', ({ programDrops }) => programDrops),
            line('2nd program', '--quiet', ({ remoteDrops }) => remoteDrops),
          ]}
        />
        <Chart title="Queue depth" unit="frames waiting" times={times} lines={perCpu('depth')} />
        <Chart title="Taken over" unit="frames/s by CPU" times={times} lines={perCpu('taken')} />
        <Chart title="Bulk average" unit="frames, 8 is full" times={times} lines={perCpu('bulkAverage')} />
        <Chart title="Wake-ups" unit="per second" times={times} lines={perCpu('wakeups')} />
      </div>
    </section>
  );
}
