/**
 * One run of the command, from settings to exit code: build, receive, show, stop, sum up.
 *
 * It ends when everything was received, when the time is over, when a CPU died, or when the signal is aborted; each way it
 * stops the source, waits until every frame has ended, prints the summary and leaves no thread behind. With a page in the
 * browser and no time limit it does not end when everything was received: somebody may look, or send it again.
 */

import { ObjectError, VerifierError } from '@cpumap/bpf';
import type { Statistics } from '@cpumap/host';
import type { OtlpExport } from '@cpumap/metrics';
import type { TraceSubscription } from '@cpumap/tracepoints';
import { KernelError } from '@cpumap/uapi';
import { startCaptures } from './capture/captures.ts';
import { CommandError, EXIT, type ExitCode } from './exit-codes.ts';
import { type Input, readInput } from './input.ts';
import { runOnLinux } from './linux/linux-run.ts';
import { APPLICATION, buildMachine, describeMachine, epochNs, type SampleMachine } from './machine.ts';
import { dumpLines, dumpMap } from './map-dump.ts';
import type { RunOutputs } from './screen.ts';
import type { Settings } from './settings.ts';
import { type Snapshot, secondsBetween, takeSnapshot } from './snapshot.ts';
import { createStress } from './stress.ts';
import { countsOf, summaryLines, summaryObject } from './summary.ts';
import { type Complain, complainTo } from './terminal/complain.ts';
import type { LiveView } from './terminal/live-view.ts';
import { openRunView } from './terminal/run-view.ts';
import { printkLine, traceLine } from './trace-line.ts';
import type { EnginePage } from './web/engine-page.ts';

/** How often trace events are read while an interval passes. */
const DEBUG_POLL_NS = 50e6;

/** Runs on the backend that the settings name. @throws what `explainError` explains */
export function run(settings: Settings, outputs: RunOutputs, signal: AbortSignal): Promise<ExitCode> {
  return settings.backend === 'linux' ? runOnLinux(settings, outputs, signal) : runOnEngine(settings, outputs, signal);
}

async function runOnEngine(settings: Settings, outputs: RunOutputs, signal: AbortSignal): Promise<ExitCode> {
  const { out, err } = outputs;
  let view: LiveView | undefined;
  const complain = complainTo(err, () => view);
  const input = readInput(settings);
  if (input.problem !== undefined) {
    complain(`--input ${settings.input}: ${input.problem.message}; the frames before it are used`);
  }
  const trace = settings.json ? err : out;
  const machine: SampleMachine = await buildMachine(settings, input, {
    probes: settings.captures.length > 0 || settings.web !== undefined,
    onReport: complain,
    onPrintk(text, cpu) {
      if (settings.debug) trace.write(`${printkLine(text, cpu, machine.host.now())}\n`);
    },
  });
  let page: EnginePage | undefined;
  let exporting: OtlpExport | undefined;
  try {
    page = await openPage(machine, settings, input);
    if (settings.otlp !== undefined) {
      const { exportMetrics, meteredHost } = await import('./metrics.ts');
      exporting = await exportMetrics(meteredHost(machine), settings.otlp, complain);
    }
    view = openRunView(settings, outputs, machine);
    return await receive(machine, settings, input, outputs, signal, page, view, complain);
  } finally {
    view?.close();
    await exporting?.close();
    await page?.dashboard.close();
    await machine.close();
  }
}

/** undefined without --web; what it is made of is loaded only with it. */
async function openPage(machine: SampleMachine, settings: Settings, input: Input): Promise<EnginePage | undefined> {
  if (settings.web === undefined) return undefined;
  const { openEnginePage } = await import('./web/engine-page.ts');
  return openEnginePage(machine, settings, settings.web, input);
}

async function receive(
  machine: SampleMachine,
  settings: Settings,
  input: Input,
  { out, err }: RunOutputs,
  signal: AbortSignal,
  page: EnginePage | undefined,
  view: LiveView,
  complain: Complain,
): Promise<ExitCode> {
  const { host, device, cpuMap } = machine;
  const json = (object: unknown): void => {
    out.write(`${JSON.stringify(object)}\n`);
  };
  const own = typeof settings.program !== 'string';
  const trace = settings.debug ? host.trace.subscribe() : undefined;
  let traceLost = 0;
  const stress = createStress(cpuMap, settings.remoteCpus, cpuMap.get(settings.remoteCpus[0]!)!.program);

  announce(machine, settings, input, view, json, page);
  const started = host.now();
  const end = started + (settings.durationSeconds ?? Number.POSITIVE_INFINITY) * 1e9;
  const first = takeSnapshot(machine, own);
  const captures = startCaptures(host, settings.captures, {
    application: APPLICATION,
    epochNs: epochNs(host),
    complain,
  });
  const wire = device.start(input.source);
  page?.feed.attach(wire);
  let before = first;
  show(first);

  const stays = page !== undefined && settings.durationSeconds === undefined;
  /** It is over, whatever may still come. */
  const cut = (): boolean => {
    captures.drain();
    return signal.aborted || host.failures.length > 0;
  };
  const over = (): boolean => cut() || wire.done;
  /** Every frame has ended; what was captured until then need not find room all at once. */
  const ended = (): boolean => {
    captures.drain();
    return host.failures.length > 0 || (wire.done && host.ledger().inFlight === 0);
  };
  do {
    await passTime(Math.min(settings.intervalSeconds * 1e9, end - host.now()));
    if (settings.stress && !over()) {
      const line = stress();
      if (!settings.json) view.say([line]);
    }
    show(takeSnapshot(machine, own));
    if (stays && wire.done && !cut()) await waitForMore();
    // what was sent again from the page may be done already
  } while (!cut() && (stays || !wire.done) && host.now() < end);
  page?.feed.close();
  wire.stop();
  if (settings.captures.length > 0) await host.advance(Number.POSITIVE_INFINITY, ended);
  await host.settle();
  page?.dashboard.finish('the run has ended');
  if (trace !== undefined) drain(trace);
  return finish();

  function show(now: Snapshot<Statistics>): void {
    if (settings.json) {
      if (now !== first) json({ type: 'interval', seconds: secondsBetween(before, now), ...countsOf(now, before) });
    } else view.update(before, now);
    before = now;
  }

  /** Until somebody sends it again from the page, or ends the run. */
  async function waitForMore(): Promise<void> {
    if (!settings.json) view.say([`All frames were sent; the page stays until Ctrl-C: ${page!.dashboard.url}`]);
    await host.advance(Number.POSITIVE_INFINITY, () => cut() || !wire.done);
    before = takeSnapshot(machine, own);
  }

  async function passTime(ns: number): Promise<void> {
    if (trace === undefined) return host.advance(ns, over);
    const limit = host.now() + ns;
    while (!over() && host.now() < limit) {
      await host.advance(Math.min(DEBUG_POLL_NS, limit - host.now()), over);
      drain(trace);
    }
  }

  function drain(subscription: TraceSubscription): void {
    const { records, lost } = subscription.read();
    const lines = records.map((record) => traceLine(record, host.trace.format(record)));
    if (lost > 0) lines.push(`CPU buffers overrun: ${lost} events lost`);
    if (lines.length > 0) (settings.json ? err : out).write(`${lines.join('\n')}\n`);
    traceLost += lost;
  }

  function finish(): ExitCode {
    const now = takeSnapshot(machine, own);
    const failures = host.failures.map(({ cpu, error }) => `CPU ${cpu} died: ${error.message}`);
    const summary = summaryObject(now, host.ledger(), {
      seconds: (host.now() - started) / 1e9,
      executor: host.executor,
      release: host.release,
      program: machine.programName,
      inputProblem: input.problem?.message,
      errors: [...host.reports, ...failures],
      traceLost,
      maps: machine.dumps.map((map) => dumpMap(machine.object!, map)),
      captures: captures.finish(),
    });
    if (settings.json) json(summary);
    else {
      view.close();
      view.say(summaryLines(summary, settings.separators));
      for (const map of machine.dumps) view.say(['', ...dumpLines(machine.object!, map, settings.separators)]);
    }
    for (const failure of failures) complain(failure);
    const isCut = summary.captures?.some(({ error }) => error !== undefined) === true;
    const bad = failures.length > 0 || input.problem !== undefined || !summary.ledger.balanced || isCut;
    return bad ? EXIT.FAIL : EXIT.OK;
  }
}

function announce(
  machine: SampleMachine,
  settings: Settings,
  input: Input,
  view: LiveView,
  json: (object: unknown) => void,
  page: EnginePage | undefined,
): void {
  const lines = [...machine.notes, ...describeMachine(machine, settings, input)];
  const url = page?.dashboard.url;
  if (settings.json) json({ type: 'setup', lines, ...(url !== undefined && { web: url }) });
  else view.say([...lines, ...(url === undefined ? [] : [`Dashboard: ${url}`]), '']);
}

/** The exit code and message for anything that was thrown on the way. */
export function explainError(error: unknown): { exitCode: ExitCode; message: string } {
  if (error instanceof CommandError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof VerifierError) {
    return { exitCode: EXIT.BPF, message: `${error.message}; the command 'verify' shows the whole log` };
  }
  if (error instanceof KernelError) {
    return { exitCode: error.code === 'ENOMEM' ? EXIT.MEMORY : EXIT.BPF, message: error.message };
  }
  if (error instanceof ObjectError) return { exitCode: EXIT.FAIL, message: error.message };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: EXIT.FAIL, message };
}
