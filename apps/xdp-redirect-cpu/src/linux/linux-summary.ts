/**
 * What a run on the kernel can know. The objects have the engine's keys; what only the engine sees of its own frames is
 * null: bytes and losses before the program, verdicts other than those that the sample's programs count, what the stack
 * took, and the ledger.
 */
import type { DeviceStatistics } from '@cpumap/host';
import type { MapDump } from '../map-dump.ts';
import { recordsOf, type Snapshot } from '../snapshot.ts';
import { traceCounts } from '../summary.ts';
import type { LinuxMachine } from './linux-machine.ts';

export interface LinuxRunFacts {
  readonly seconds: number;
  readonly release: string;
  readonly program: string;
  /** Whether successful redirects were counted (--stats). */
  readonly success: boolean;
  readonly traceLost: number;
  readonly maps: readonly MapDump[];
}

const NO_DEPTHS: ReadonlyMap<number, number> = new Map(); // the kernel does not tell how full a ring is

/** /proc/net/dev has no columns of their own for these two: what it adds up stands for them. */
function withEngineNames({ name, counters }: DeviceStatistics): DeviceStatistics {
  const { rx_dropped = 0, rx_frame_errors = 0 } = counters;
  return { name, counters: { ...counters, rx_missed_errors: rx_dropped, rx_length_errors: rx_frame_errors } };
}

export function takeLinuxSnapshot({ backend, rxCount }: Pick<LinuxMachine, 'backend' | 'rxCount'>): Snapshot {
  const { timestampNs, devices, cpus } = backend.statistics();
  return {
    statistics: { timestampNs, devices: devices.map(withEngineNames), cpus },
    rx: rxCount && recordsOf(rxCount.lookup(0), cpus.length),
    depths: NO_DEPTHS,
  };
}

/** The counts of a summary, or of an interval when `before` is where it began. */
export function linuxCounts(now: Snapshot, success: boolean, before?: Snapshot) {
  const { redirect, redirect_err, kthread, ...trace } = traceCounts(now, before);
  const rx = (field: 'processed' | 'dropped'): number | null => {
    const sum = (snapshot: Snapshot | undefined): number => snapshot?.rx?.reduce((n, cpu) => n + cpu[field], 0) ?? 0;
    return now.rx === undefined ? null : sum(now) - sum(before);
  };
  return {
    rx: { packets: rx('processed'), bytes: null, missed: null, length_errors: null },
    tx: null,
    stack: null,
    xdp: {
      aborted: null,
      drop: rx('dropped'),
      pass: null,
      tx: null,
      redirect: success ? redirect : null,
      redirect_err,
    },
    ...trace,
    kthread: kthread.map((row) => ({ ...row, delivered: null })),
  };
}

export function linuxSummary(now: Snapshot, facts: LinuxRunFacts) {
  return {
    type: 'summary' as const,
    backend: 'linux' as const,
    ...linuxCounts(now, facts.success),
    ledger: null,
    seconds: facts.seconds,
    executor: null,
    release: facts.release,
    program: facts.program,
    errors: [],
    ...(facts.traceLost === 0 ? {} : { trace_lost: facts.traceLost }),
    ...(facts.maps.length === 0 ? {} : { maps: facts.maps }),
  };
}
export type LinuxSummary = ReturnType<typeof linuxSummary>;

export function linuxSummaryLines(summary: LinuxSummary, separators: boolean): string[] {
  const format = new Intl.NumberFormat('en-US', { useGrouping: separators, maximumFractionDigits: 2 });
  const n = (value: number): string => format.format(value);
  const row = (name: string, value: string): string => `  ${name.padEnd(20)}: ${value}`;
  const { rx, xdp, enqueue, kthread, seconds, exception } = summary;
  const lines = [row('Duration', `${seconds.toFixed(3)}s`)];
  if (rx.packets !== null) {
    lines.push(row('Packets received', n(rx.packets)));
    lines.push(row('Average packets/s', n(seconds > 0 ? Math.trunc(rx.packets / seconds) : 0)));
  }
  if (xdp.drop) lines.push(row('Dropped by program', n(xdp.drop)));
  if (xdp.redirect !== null) lines.push(row('Redirected', n(xdp.redirect)));
  if (xdp.redirect_err > 0) lines.push(row('Redirects failed', n(xdp.redirect_err)));
  lines.push(
    row('Enqueued', `${n(enqueue.processed)}, dropped ${n(enqueue.drops)}, bulk average ${n(enqueue.bulk_average)}`),
  );
  for (const { cpu, processed, xdp_drop, xdp_redirect } of kthread) {
    const dropped = xdp_drop > 0 ? `, dropped by its program ${n(xdp_drop)}` : '';
    const redirected = xdp_redirect > 0 ? `, redirected by its program ${n(xdp_redirect)}` : '';
    lines.push(row(`CPU ${cpu}`, `processed ${n(processed)}${dropped}${redirected}`));
  }
  if (exception > 0) lines.push(row('Exceptions', n(exception)));
  if (summary.trace_lost !== undefined) lines.push(row('Trace events lost', n(summary.trace_lost)));
  return lines;
}
