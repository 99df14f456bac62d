/** Everything since the run began: the numbers of the command's summary. */
import type { Totals as Sums } from '../src/protocol.ts';
import { count, decimals, duration } from './format.ts';

export function Totals({ totals }: { totals: Sums }) {
  const rows: readonly [key: string, name: string, value: string | null, unit: string][] = [
    ['seconds', 'Duration', duration(totals.seconds), ''],
    ['received', 'Received', count(totals.received), 'frames'],
    ['bytes', 'Bytes received', count(totals.bytes), ''],
    ['missed', 'Missed by the rings', count(totals.missed), 'frames'],
    ['lengthErrors', 'Of a bad length', count(totals.lengthErrors), 'frames'],
    ['programDrops', 'Dropped by the program', count(totals.programDrops), 'frames'],
    ['redirected', 'Redirected', count(totals.redirected), 'frames'],
    ['redirectErrors', 'Redirects that failed', count(totals.redirectErrors), 'frames'],
    ['enqueued', 'Brought to rings', count(totals.enqueued), 'frames'],
    ['enqueueDrops', 'Dropped at full rings', count(totals.enqueueDrops), 'frames'],
    ['bulkAverage', 'Bulk average', decimals(totals.bulkAverage), 'of 8 frames'],
    ['taken', 'Taken by kthreads', count(totals.taken), 'frames'],
    ['remoteDrops', 'Dropped by the second program', count(totals.remoteDrops), 'frames'],
    ['delivered', 'Delivered to the stack', count(totals.delivered), 'frames'],
    ['exceptions', 'Exceptions', count(totals.exceptions), ''],
  ];
  return (
    <section aria-labelledby="totals">
      <h2 id="totals">Since the run began</h2>
      <dl class="totals">
        {rows.map(([key, name, value, unit]) => (
          <div key={key}>
            <dt>{name}</dt>
            <dd>
              <span data-total={key}>{value}</span> <span class="unit">{unit}</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
