/**
 * The live table, in the sample's columns and words: for each section a row per CPU that had anything to do, and a total.
 * Rates are per second of the machine's clock, between two snapshots.
 */

import { errnoName } from '@cpumap/uapi';
import { type CountedCpu, type Snapshot, totalOf } from './snapshot.ts';

export interface TableOptions {
  readonly program: string;
  readonly separators: boolean;
  readonly success: boolean;
  readonly extended: boolean;
}

const WIDTHS = [15, 7, 14, 11] as const;

function columns(...cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join(' ')
    .trimEnd();
}

type Read = (cpu: CountedCpu) => number;

export function renderTable(before: Snapshot, now: Snapshot, options: TableOptions): string[] {
  const seconds = Math.max((now.statistics.timestampNs - before.statistics.timestampNs) / 1e9, 1e-9);
  const format = new Intl.NumberFormat('en-US', { useGrouping: options.separators, maximumFractionDigits: 0 });
  const number = (value: number): string => format.format(Math.trunc(value));
  const cpus = now.statistics.cpus.map(({ cpu }) => cpu);
  const lines: string[] = [];

  const place = new Map(cpus.map((cpu, index) => [cpu, index])); // a kernel's CPUs may have gaps
  const rate = (cpu: number, read: Read): number =>
    (read(now.statistics.cpus[place.get(cpu)!]!) - read(before.statistics.cpus[place.get(cpu)!]!)) / seconds;
  const rateOfAll = (read: Read): number =>
    (totalOf(now.statistics, read) - totalOf(before.statistics, read)) / seconds;
  const row = (name: string, cpu: string, pps: number, drop: number, extra = '', label = ''): void => {
    lines.push(columns(name, cpu, number(pps), number(drop), extra === '' ? '' : `${extra.padEnd(10)} ${label}`));
  };

  function receive(): void {
    if (now.rx === undefined) return;
    const rx = now.rx.map((record, index) => {
      const past = before.rx![index]!;
      return {
        pps: (record.processed - past.processed) / seconds,
        drop: (record.dropped - past.dropped) / seconds,
        issue: (record.issue - past.issue) / seconds,
      };
    });
    rx.forEach(({ pps, drop, issue }, index) => {
      if (pps + drop + issue > 0) {
        row('XDP-RX', String(cpus[index]), pps, drop, issue > 0 ? number(issue) : '', 'cpu-dest/err');
      }
    });
    const sum = (field: 'pps' | 'drop'): number => rx.reduce((n, cpu) => n + cpu[field], 0);
    row('XDP-RX', 'total', sum('pps'), sum('drop'));
  }

  function enqueue(): void {
    for (const to of cpus) {
      const read =
        (field: 'processed' | 'drops' | 'events'): Read =>
        ({ trace }) =>
          trace.enqueue[to]![field];
      const line = (cpu: string, pps: number, drop: number, events: number): void =>
        row('cpumap-enqueue', cpu, pps, drop, events > 0 ? (pps / events).toFixed(2) : '', 'bulk-average');
      for (const from of cpus) {
        const pps = rate(from, read('processed'));
        const drop = rate(from, read('drops'));
        if (pps + drop > 0) line(`${String(from).padStart(3)}:${to}`, pps, drop, rate(from, read('events')));
      }
      const pps = rateOfAll(read('processed'));
      const drop = rateOfAll(read('drops'));
      if (pps + drop > 0) line(`sum:${to}`, pps, drop, rateOfAll(read('events')));
    }
  }

  function kthread(): void {
    const processed: Read = ({ trace }) => trace.kthread.processed;
    const drops: Read = ({ trace }) => trace.kthread.drops;
    const sched: Read = ({ trace }) => trace.kthread.sched;
    for (const cpu of cpus) {
      const pps = rate(cpu, processed);
      if (pps + rate(cpu, drops) > 0) {
        row('cpumap_kthread', String(cpu), pps, rate(cpu, drops), number(rate(cpu, sched)), 'sched');
      }
    }
    row('cpumap_kthread', 'total', rateOfAll(processed), rateOfAll(drops), number(rateOfAll(sched)), 'sched-sum');
  }

  function errors(name: string, read: Read): void {
    for (const cpu of cpus) {
      const drop = rate(cpu, read);
      if (drop > 0) row(name, String(cpu), 0, drop);
    }
    row(name, 'total', 0, rateOfAll(read));
  }

  function byErrno(): void {
    const errnos = new Set(now.statistics.cpus.flatMap(({ trace }) => [...trace.errnos.keys()]));
    for (const errno of [...errnos].sort((a, b) => a - b)) {
      row(
        '  errno',
        errnoName(errno) ?? String(errno),
        0,
        rateOfAll(({ trace }) => trace.errnos.get(errno) ?? 0),
      );
    }
  }

  function details(): void {
    for (const cpu of cpus) {
      const pass = rate(cpu, ({ trace }) => trace.kthread.xdpPass);
      const drop = rate(cpu, ({ trace }) => trace.kthread.xdpDrop);
      const redirect = rate(cpu, ({ trace }) => trace.kthread.xdpRedirect);
      if (pass + drop + redirect > 0) row('xdp_stats', String(cpu), pass, drop, number(redirect), 'redirect');
    }
    for (const [cpu, depth] of now.depths) lines.push(columns('waiting', String(cpu), number(depth)));
    for (const device of now.statistics.devices) {
      const past = before.statistics.devices.find(({ name }) => name === device.name)?.counters ?? device.counters;
      const change = (name: string): number => (device.counters[name]! - past[name]!) / seconds;
      row(
        device.name,
        'rx',
        change('rx_packets'),
        change('rx_missed_errors'),
        number(change('rx_length_errors')),
        'length-err',
      );
    }
  }

  lines.push(`Running XDP/eBPF program:${options.program}`);
  lines.push(columns('XDP-cpumap', 'CPU:to', 'pps', 'drop-pps', 'extra-info'));
  receive();
  enqueue();
  kthread();
  if (options.success)
    row(
      'redirect',
      'total',
      rateOfAll(({ trace }) => trace.redirect),
      0,
    );
  errors('redirect_err', ({ trace }) => trace.redirectErr);
  if (options.extended) byErrno();
  errors('xdp_exception', ({ trace }) => trace.exception);
  if (options.extended) details();
  return lines;
}
