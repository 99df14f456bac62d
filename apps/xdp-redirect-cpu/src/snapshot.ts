/** All numbers at one moment, and the rates between two: what the table and the JSON lines are made of. */

import { type BackendStatistics, type Statistics, total } from '@cpumap/host';
import { DATAREC } from '@cpumap/uapi';
import type { SampleMachine } from './machine.ts';

/** struct datarec of one CPU, as numbers. */
export interface DataRecord {
  readonly processed: number;
  readonly dropped: number;
  readonly issue: number;
}

/** `S` is what the backend counts. */
export interface Snapshot<S extends BackendStatistics = BackendStatistics> {
  readonly statistics: S;
  /** What the program met, by RX CPU; undefined when it does not count. */
  readonly rx: readonly DataRecord[] | undefined;
  /** Frames waiting for each remote CPU. */
  readonly depths: ReadonlyMap<number, number>;
}

/** The records of a per-CPU value, one for each CPU. */
export function recordsOf(bytes: Uint8Array, cpus: number): DataRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  return Array.from({ length: cpus }, (_, cpu) => {
    const record = cpu * DATAREC.sizeof;
    return {
      processed: u64(record + DATAREC.processed),
      dropped: u64(record + DATAREC.dropped),
      issue: u64(record + DATAREC.issue),
    };
  });
}

/** The sample's programs count in rx_cnt; for a user's program the engine's own verdict counters stand in. */
export function takeSnapshot({ host, maps }: SampleMachine, ownProgram: boolean): Snapshot<Statistics> {
  const statistics = host.statistics();
  const rx = ownProgram
    ? statistics.cpus.map(({ xdp }) => ({
        processed: xdp.aborted + xdp.drop + xdp.pass + xdp.tx + xdp.redirect + xdp.redirect_err,
        dropped: xdp.drop,
        issue: xdp.aborted,
      }))
    : recordsOf(maps.rx_cnt!.lookup(0), statistics.cpus.length);
  return { statistics, rx, depths: host.queueDepths() };
}

/** Verdict counts of all CPUs together. */
export function verdicts(statistics: Statistics) {
  return {
    aborted: total(statistics, ({ xdp }) => xdp.aborted),
    drop: total(statistics, ({ xdp }) => xdp.drop),
    pass: total(statistics, ({ xdp }) => xdp.pass),
    tx: total(statistics, ({ xdp }) => xdp.tx),
    redirect: total(statistics, ({ xdp }) => xdp.redirect),
    redirect_err: total(statistics, ({ xdp }) => xdp.redirect_err),
  };
}

/** One CPU's counters that every backend has. */
export type CountedCpu = BackendStatistics['cpus'][number];

/** The sum of one counter over all CPUs. */
export function totalOf({ cpus }: BackendStatistics, read: (cpu: CountedCpu) => number): number {
  return cpus.reduce((sum, cpu) => sum + read(cpu), 0);
}

/** Enqueue events of all CPUs and targets together. */
export function enqueueTotals(statistics: BackendStatistics) {
  const sum = (field: 'processed' | 'drops' | 'events'): number =>
    totalOf(statistics, ({ trace }) => trace.enqueue.reduce((n, row) => n + row[field], 0));
  const processed = sum('processed');
  const events = sum('events');
  return { processed, drops: sum('drops'), events, bulk_average: events === 0 ? 0 : processed / events };
}

export function secondsBetween(before: Snapshot, now: Snapshot): number {
  return (now.statistics.timestampNs - before.statistics.timestampNs) / 1e9;
}
