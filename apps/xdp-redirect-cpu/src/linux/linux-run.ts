/**
 * A run on the running kernel: attach, show, detach, sum up. It ends when the time is over or the signal is aborted; then
 * the program comes off the interface first, and the summary waits for the kthreads to take what is in their rings.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dashboard } from '@cpumap/dashboard';
import type { OtlpExport } from '@cpumap/metrics';
import type { TraceSubscription } from '@cpumap/tracepoints';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { dumpLines, dumpMap } from '../map-dump.ts';
import type { RunOutputs } from '../screen.ts';
import type { Settings } from '../settings.ts';
import { enqueueTotals, type Snapshot, secondsBetween, totalOf } from '../snapshot.ts';
import { createStress } from '../stress.ts';
import { complainTo } from '../terminal/complain.ts';
import type { LiveView } from '../terminal/live-view.ts';
import { openRunView } from '../terminal/run-view.ts';
import { traceLine } from '../trace-line.ts';
import { buildLinuxMachine, type LinuxMachine } from './linux-machine.ts';
import { linuxCounts, linuxSummary, linuxSummaryLines, takeLinuxSnapshot } from './linux-summary.ts';

/** How often trace events are read while an interval passes. */
const DEBUG_POLL_MS = 50;
/** How often the kthreads' counters are read at the end, and how often at most: entries that were replaced drain too. */
const SETTLE_POLL_MS = 5;
const SETTLE_POLLS = 400;

export async function runOnLinux(settings: Settings, outputs: RunOutputs, signal: AbortSignal): Promise<ExitCode> {
  const machine = await buildLinuxMachine(settings);
  let page: Dashboard | undefined;
  let exporting: OtlpExport | undefined;
  let view: LiveView | undefined;
  try {
    if (settings.web !== undefined) {
      const { openLinuxPage } = await import('../web/linux-page.ts');
      page = await openLinuxPage(machine, settings, settings.web);
    }
    if (settings.otlp !== undefined) {
      const { exportMetrics } = await import('../metrics.ts');
      exporting = await exportMetrics(
        machine,
        settings.otlp,
        complainTo(outputs.err, () => view),
      );
    }
    view = openRunView(settings, outputs, machine);
    return await watch(machine, settings, outputs, signal, page, view);
  } finally {
    view?.close();
    await exporting?.close();
    await page?.close();
    await machine.close();
  }
}

async function watch(
  machine: LinuxMachine,
  settings: Settings,
  { out, err }: RunOutputs,
  signal: AbortSignal,
  page: Dashboard | undefined,
  view: LiveView,
): Promise<ExitCode> {
  const { backend, cpuMap, notes } = machine;
  const { json: asJson, separators, success } = settings;
  const json = (object: unknown): void => {
    out.write(`${JSON.stringify(object)}\n`);
  };
  const trace = settings.debug ? backend.trace.subscribe() : undefined;
  const stress = createStress(cpuMap, settings.remoteCpus, machine.entryFd);
  let traceLost = 0;

  const first = takeLinuxSnapshot(machine);
  let before = first;
  const url = page?.url;
  if (asJson) json({ type: 'setup', lines: notes, ...(url !== undefined && { web: url }) });
  else view.say([...notes, ...(url === undefined ? [] : [`Dashboard: ${url}`]), '']);
  show(first);

  const started = performance.now();
  const end = started + (settings.durationSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const over = (): boolean => signal.aborted || performance.now() >= end;
  do {
    await passTime(Math.min(performance.now() + settings.intervalSeconds * 1000, end));
    if (settings.stress && !over()) {
      const line = stress();
      if (!asJson) view.say([line]);
    }
    if (!over()) show(takeLinuxSnapshot(machine));
  } while (!over());
  machine.detach();
  const now = await settled();
  if (trace !== undefined) drain(trace);
  show(now);
  page?.finish('the run has ended');
  const summary = linuxSummary(now, {
    seconds: secondsBetween(first, now),
    release: backend.release,
    program: machine.programName,
    success,
    traceLost,
    maps: machine.dumps.map((map) => dumpMap(machine.object!, map)),
  });
  if (asJson) json(summary);
  else {
    view.close();
    view.say(linuxSummaryLines(summary, separators));
    for (const map of machine.dumps) view.say(['', ...dumpLines(machine.object!, map, separators)]);
  }
  return EXIT.OK;

  function show(now: Snapshot): void {
    if (!asJson) view.update(before, now);
    else if (now !== first) {
      json({ type: 'interval', seconds: secondsBetween(before, now), ...linuxCounts(now, success, before) });
    }
    before = now;
  }

  async function passTime(until: number): Promise<void> {
    while (!over() && performance.now() < until) {
      const left = until - performance.now();
      await sleep(Math.ceil(trace === undefined ? left : Math.min(DEBUG_POLL_MS, left)), undefined, { signal }).catch(
        () => undefined, // aborted: the run is over
      );
      if (trace !== undefined) drain(trace);
    }
  }

  function drain(subscription: TraceSubscription): void {
    const { records, lost } = subscription.read();
    const lines = records.map((record) => traceLine(record, backend.trace.format(record)));
    if (lost > 0) lines.push(`CPU buffers overrun: ${lost} events lost`);
    if (lines.length > 0) (asJson ? err : out).write(`${lines.join('\n')}\n`);
    traceLost += lost;
  }

  /** The counters when every frame in a ring has been taken. */
  async function settled(): Promise<Snapshot> {
    for (let poll = 0; ; poll++) {
      const now = takeLinuxSnapshot(machine);
      const { processed, drops } = enqueueTotals(now.statistics);
      const taken = totalOf(now.statistics, ({ trace }) => trace.kthread.processed);
      if (taken >= processed - drops || poll === SETTLE_POLLS) return now;
      await sleep(SETTLE_POLL_MS);
    }
  }
}
