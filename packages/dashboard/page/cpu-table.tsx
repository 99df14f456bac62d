/** A row for each CPU that takes part: rates, or totals. */
import { signal } from '@preact/signals';
import type { CpuPoint, CpuTotals, Tick, Topology } from '../src/protocol.ts';
import { count, decimals } from './format.ts';
import { ask, asked } from './state.ts';

const shown = signal<'rates' | 'totals'>('rates');

interface Column {
  readonly name: string;
  readonly hint: string;
  read(cpu: CpuPoint | CpuTotals): number | null;
  readonly loss?: true;
}

const COLUMNS: readonly Column[] = [
  { name: 'received', hint: 'frames that the program saw here', read: (cpu) => cpu.received },
  { name: 'missed', hint: 'frames that its queues had no buffer for', read: (cpu) => cpu.missed, loss: true },
  { name: 'dropped', hint: 'frames that the program dropped here', read: (cpu) => cpu.programDrops },
  { name: 'brought', hint: 'frames that RX CPUs brought to its ring', read: (cpu) => cpu.enqueued },
  { name: 'ring full', hint: 'frames dropped because its ring was full', read: (cpu) => cpu.enqueueDrops, loss: true },
  { name: 'taken', hint: 'frames that its kthread took', read: (cpu) => cpu.taken },
  { name: '2nd drop', hint: 'frames that the second program dropped', read: (cpu) => cpu.remoteDrops },
  { name: 'delivered', hint: 'frames that the stack got', read: (cpu) => cpu.delivered },
  { name: 'wake-ups', hint: 'turns before which its kthread slept', read: (cpu) => cpu.wakeups },
];

function LevelMark({ point }: { point: CpuPoint }) {
  return (
    <span class={`level ${point.level}`} title={point.reason}>
      {point.level}
    </span>
  );
}

export function CpuTable({ topology, tick: { point, totals } }: { topology: Topology; tick: Tick }) {
  const rates = shown.value === 'rates';
  const remote = new Map(topology.remoteCpus.map((each) => [each.cpu, each]));
  return (
    <section aria-labelledby="cpus">
      <div class="row">
        <h2 id="cpus">CPUs</h2>
        <fieldset class="choice">
          <legend class="unseen">Numbers</legend>
          {(['rates', 'totals'] as const).map((value) => (
            <label key={value}>
              <input
                type="radio"
                name="numbers"
                checked={shown.value === value}
                onChange={() => {
                  shown.value = value;
                }}
              />
              {value === 'rates' ? 'per second' : 'totals'}
            </label>
          ))}
        </fieldset>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Table of CPUs">
        <table class="cpu-table">
          <thead>
            <tr>
              <th scope="col">CPU</th>
              <th scope="col">state</th>
              {COLUMNS.map(({ name, hint }) => (
                <th key={name} scope="col" title={hint} class="number">
                  {name}
                </th>
              ))}
              <th scope="col" class="number" title="frames in its ring now, and how many fit">
                waiting
              </th>
              <th scope="col" class="number" title="frames in a bulk on the way to it; 8 is full">
                bulk
              </th>
              <th scope="col">
                <span class="unseen">Why</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {point.cpus.map((cpu) => {
              const entry = remote.get(cpu.cpu);
              const total = totals.cpus.find((each) => each.cpu === cpu.cpu) ?? cpu;
              const from = rates ? cpu : total;
              const role = entry === undefined ? 'rx' : 'remote';
              return (
                <tr key={cpu.cpu} data-cpu={cpu.cpu} class={asked.value?.cpu === cpu.cpu ? 'asked' : undefined}>
                  <th scope="row">
                    CPU {cpu.cpu}
                    {entry !== undefined && !entry.active && <span class="parked">parked</span>}
                  </th>
                  <td>
                    <LevelMark point={cpu} />
                  </td>
                  {COLUMNS.map(({ name, read, loss }) => {
                    const value = read(from);
                    return (
                      <td key={name} data-column={name} class={`number ${value ? (loss ? 'loss' : '') : 'zero'}`}>
                        {count(value)}
                      </td>
                    );
                  })}
                  <td class="number">{entry === undefined ? '–' : `${count(cpu.depth)} / ${count(entry.qsize)}`}</td>
                  <td class="number">{entry === undefined ? '–' : decimals(from.bulkAverage)}</td>
                  <td>
                    <button type="button" class="small" onClick={() => void ask({ cpu: cpu.cpu, role })}>
                      why<span class="unseen"> is CPU {cpu.cpu} hot</span>?
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      <p class="quiet small-print">
        {rates ? 'Per second of the last interval.' : 'Since the run began.'} – is not known here.
      </p>
    </section>
  );
}
