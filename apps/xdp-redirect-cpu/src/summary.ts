/** The end of a run: one object for machines, a few lines for people. */
import type { Ledger, Statistics } from '@cpumap/host';
import type { CaptureResult } from './capture/captures.ts';
import type { MapDump } from './map-dump.ts';
import { enqueueTotals, type Snapshot, totalOf, verdicts } from './snapshot.ts';

export interface RunFacts {
  readonly seconds: number;
  readonly executor: string;
  readonly release: string;
  readonly program: string;
  /** What was wrong with the input, if anything. */
  readonly inputProblem: string | undefined;
  /** What programs and handlers threw, and CPUs that died. */
  readonly errors: readonly string[];
  /** Trace records that --debug was too slow for. */
  readonly traceLost: number;
  /** What --dump-map asks for. */
  readonly maps: readonly MapDump[];
  readonly captures: readonly CaptureResult[];
}

const minus = (a: number, b: number | undefined): number => a - (b ?? 0);

/** What the tracepoints counted: the part that every backend has. */
export function traceCounts(now: Snapshot, before?: Snapshot) {
  const enqueue = enqueueTotals(now.statistics);
  const enqueueBefore = before === undefined ? undefined : enqueueTotals(before.statistics);
  const processed = minus(enqueue.processed, enqueueBefore?.processed);
  const events = minus(enqueue.events, enqueueBefore?.events);
  const sum = (field: 'exception' | 'redirect' | 'redirectErr'): number => {
    const count = ({ statistics }: Snapshot): number => totalOf(statistics, ({ trace }) => trace[field]);
    return minus(count(now), before === undefined ? undefined : count(before));
  };
  return {
    enqueue: {
      processed,
      drops: minus(enqueue.drops, enqueueBefore?.drops),
      events,
      bulk_average: events === 0 ? 0 : processed / events,
    },
    kthread: now.statistics.cpus.flatMap(({ cpu, trace: { kthread } }, index) => {
      if (kthread.events === 0) return [];
      const past = before?.statistics.cpus[index]?.trace.kthread;
      return [
        {
          cpu,
          processed: minus(kthread.processed, past?.processed),
          drops: minus(kthread.drops, past?.drops),
          sched: minus(kthread.sched, past?.sched),
          xdp_pass: minus(kthread.xdpPass, past?.xdpPass),
          xdp_drop: minus(kthread.xdpDrop, past?.xdpDrop),
          xdp_redirect: minus(kthread.xdpRedirect, past?.xdpRedirect),
        },
      ];
    }),
    exception: sum('exception'),
    redirect: sum('redirect'),
    redirect_err: sum('redirectErr'),
  };
}

/** The counts of a summary, or of an interval when `before` is where it began. */
export function countsOf(now: Snapshot<Statistics>, before?: Snapshot<Statistics>) {
  const device = (name: string): number =>
    now.statistics.devices.reduce((sum, { counters }) => sum + counters[name]!, 0) -
    (before?.statistics.devices.reduce((sum, { counters }) => sum + counters[name]!, 0) ?? 0);
  const xdpBefore = before === undefined ? undefined : verdicts(before.statistics);
  const xdp = verdicts(now.statistics);
  const { enqueue, kthread, exception } = traceCounts(now, before);
  const stack = (read: (counts: Statistics['cpus'][number]['stack']) => number): number => {
    const sum = ({ statistics }: Snapshot<Statistics>): number =>
      statistics.cpus.reduce((total, cpu) => total + read(cpu.stack), 0);
    return minus(sum(now), before === undefined ? undefined : sum(before));
  };
  const delivered = (cpu: number, { statistics }: Snapshot<Statistics>): number =>
    statistics.cpus.find((each) => each.cpu === cpu)!.cpumap.delivered;

  return {
    rx: {
      packets: device('rx_packets'),
      bytes: device('rx_bytes'),
      missed: device('rx_missed_errors'),
      length_errors: device('rx_length_errors'),
    },
    /** What devices sent of the frames that were redirected to them. */
    tx: { packets: device('tx_packets'), bytes: device('tx_bytes') },
    xdp: {
      aborted: minus(xdp.aborted, xdpBefore?.aborted),
      drop: minus(xdp.drop, xdpBefore?.drop),
      pass: minus(xdp.pass, xdpBefore?.pass),
      tx: minus(xdp.tx, xdpBefore?.tx),
      redirect: minus(xdp.redirect, xdpBefore?.redirect),
      redirect_err: minus(xdp.redirect_err, xdpBefore?.redirect_err),
    },
    enqueue,
    kthread: kthread.map((row) => ({
      ...row,
      delivered: delivered(row.cpu, now) - (before === undefined ? 0 : delivered(row.cpu, before)),
    })),
    /** What the stack got: frames, and the sk_buffs in which they came. */
    stack: {
      delivered: stack((counts) => counts.delivered),
      skbs: stack((counts) => counts.skbs),
      backlog_dropped: stack((counts) => counts.backlog_dropped),
    },
    exception,
  };
}

export function summaryObject(now: Snapshot<Statistics>, ledger: Ledger, facts: RunFacts) {
  return {
    type: 'summary' as const,
    ...countsOf(now),
    ledger: {
      balanced: ledger.balanced,
      in_flight: ledger.inFlight,
      lost: ledger.lost,
      problems: ledger.problems,
    },
    seconds: facts.seconds,
    executor: facts.executor,
    release: facts.release,
    program: facts.program,
    errors: facts.errors,
    ...(facts.inputProblem === undefined ? {} : { input_problem: facts.inputProblem }),
    ...(facts.traceLost === 0 ? {} : { trace_lost: facts.traceLost }),
    ...(facts.maps.length === 0 ? {} : { maps: facts.maps }),
    ...(facts.captures.length === 0 ? {} : { captures: facts.captures }),
  };
}
export type Summary = ReturnType<typeof summaryObject>;

export function summaryLines(summary: Summary, separators: boolean): string[] {
  const format = new Intl.NumberFormat('en-US', { useGrouping: separators, maximumFractionDigits: 2 });
  const n = (value: number): string => format.format(value);
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${n(count)}`)
      .join(', ') || 'none';
  const row = (name: string, value: string): string => `  ${name.padEnd(20)}: ${value}`;
  const { rx, tx, xdp, enqueue, kthread, stack, ledger, seconds } = summary;
  const rate = seconds > 0 ? Math.trunc(rx.packets / seconds) : 0;
  const lines = [
    row('Duration', `${seconds.toFixed(3)}s`),
    row('Packets received', n(rx.packets)),
    row('Average packets/s', n(rate)),
  ];
  if (rx.missed > 0) lines.push(row('Missed by the rings', n(rx.missed)));
  if (rx.length_errors > 0) lines.push(row('Of a bad length', n(rx.length_errors)));
  lines.push(row('Verdicts', list(xdp)));
  lines.push(
    row('Enqueued', `${n(enqueue.processed)}, dropped ${n(enqueue.drops)}, bulk average ${n(enqueue.bulk_average)}`),
  );
  for (const { cpu, processed, delivered, xdp_drop } of kthread) {
    const dropped = xdp_drop > 0 ? `, dropped by its program ${n(xdp_drop)}` : '';
    lines.push(row(`CPU ${cpu}`, `processed ${n(processed)}, delivered ${n(delivered)}${dropped}`));
  }
  if (stack.skbs < stack.delivered) {
    lines.push(
      row(
        'Merged by GRO',
        `${n(stack.delivered)} frames in ${n(stack.skbs)} sk_buffs, ${n(stack.delivered / stack.skbs)} each`,
      ),
    );
  }
  if (stack.backlog_dropped > 0) lines.push(row('Dropped by backlogs', n(stack.backlog_dropped)));
  if (tx.packets > 0) lines.push(row('Sent by devices', `${n(tx.packets)}, ${n(tx.bytes)} bytes`));
  if (summary.exception > 0) lines.push(row('Exceptions', n(summary.exception)));
  for (const { cpu, frames } of ledger.lost) lines.push(row(`Lost on CPU ${cpu}`, n(frames)));
  const state = ledger.balanced
    ? 'balanced: every frame is accounted for'
    : `NOT balanced: ${ledger.problems.join('; ')}`;
  lines.push(row('Ledger', ledger.lost.length > 0 ? 'frames were lost with a CPU that died' : state));
  for (const { hook, file, captured, lost, error } of summary.captures ?? []) {
    const missing = lost.ring + lost.limit + lost.size;
    const why = missing === 0 ? '' : ` (${list({ ring: lost.ring, limit: lost.limit, size: lost.size })})`;
    const all = error === undefined ? ` of ${n(captured + missing)}, lost ${n(missing)}${why}` : `, then ${error}`;
    lines.push(row(`Capture ${hook}`, `captured ${n(captured)}${all}: ${file}`));
  }
  if (summary.trace_lost !== undefined) lines.push(row('Trace events lost', n(summary.trace_lost)));
  return lines;
}
