/** The numbers that matter first. */
import type { CpuPoint, Point, Tick } from '../src/protocol.ts';
import { count, decimals, short } from './format.ts';

/** The CPU that loses most, else one that has no time to spare. */
function worstOf({ cpus }: Point): CpuPoint | undefined {
  const loss = ({ missed, enqueueDrops }: CpuPoint): number => (missed ?? 0) + enqueueDrops;
  const [losing] = cpus.filter(({ level }) => level === 'losing').sort((a, b) => loss(b) - loss(a));
  return losing ?? cpus.find(({ level }) => level === 'busy');
}

export function Overview({ tick: { point, totals } }: { tick: Tick }) {
  const remote = point.cpus.filter(({ enqueued, taken, depth }) => enqueued + taken + depth > 0);
  const drops = point.enqueueDrops + (point.missed ?? 0);
  const took = remote.reduce((sum, { taken }) => sum + taken, 0);
  const bulk = remote.reduce((sum, { bulkAverage, enqueued }) => sum + bulkAverage * enqueued, 0);
  const brought = remote.reduce((sum, { enqueued }) => sum + enqueued, 0);
  const worst = worstOf(point);
  const tiles = [
    { name: 'Received', value: short(point.received), exact: point.received, unit: 'frames/s' },
    { name: 'Taken over', value: short(took), exact: took, unit: 'frames/s' },
    { name: 'Lost', value: short(drops), exact: drops, unit: 'frames/s', alarm: drops > 0 },
    { name: 'Bulk average', value: decimals(brought === 0 ? 0 : bulk / brought), unit: 'of 8 frames' },
    { name: 'Waiting', value: short(remote.reduce((sum, { depth }) => sum + depth, 0)), unit: 'frames in rings' },
  ];
  return (
    <section aria-label="At a glance">
      <ul class="tiles">
        {tiles.map(({ name, value, exact, unit, alarm }) => (
          <li
            key={name}
            class={alarm ? 'alarm' : undefined}
            title={exact == null ? undefined : `${count(exact)} ${unit}`}
          >
            <span class="name">{name}</span>
            <strong>{value}</strong>
            <span class="unit">{unit}</span>
          </li>
        ))}
      </ul>
      <p class={`verdict ${worst?.level ?? 'ok'}`} data-verdict={worst?.cpu ?? 'none'}>
        {worst === undefined
          ? totals.enqueueDrops > 0
            ? `No CPU is hot now; ${count(totals.enqueueDrops)} frames were dropped before.`
            : 'No CPU is hot.'
          : `CPU ${worst.cpu} is hot: ${worst.reason}.`}
      </p>
    </section>
  );
}
