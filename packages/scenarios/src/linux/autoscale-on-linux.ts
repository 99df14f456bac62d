/**
 * The load that goes up and down on the running kernel: test runs with live frames on CPU 0, paced by the clock, in bursts of
 * one flow each. The programs are those of @cpumap/autoscale, the same bytecode as on the engine.
 *
 * Where each number comes from
 *   offered      the test runs
 *   queue full   the kernel's tracepoint xdp_cpumap_enqueue
 *   delivered    frames that the programs in the entries passed on, by the tracepoint xdp_cpumap_kthread
 *   CPUs in use  frames that each kthread took, by the same, and what is active
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createAutoscaler, createSteering, type Policy, type Steering } from '@cpumap/autoscale';
import { type LinuxProgram, onCpu } from '@cpumap/linux';
import { createTalk, FLOWS, LOADS, type LoadName } from '../autoscale/loads.ts';
import { type Reading, startRecorder, summaryOf } from '../autoscale/record.ts';
import type { AutoscaleResult, AutoscaleRun } from '../autoscale/result.ts';
import { randomFrom } from '../random.ts';
import { checkPositive, checkSignal, type RanOnLinux, refuse } from '../settings.ts';
import { plainFrame } from '../traffic/labelled-flows.ts';
import { countsOf, type Kernel, RX_CPU, spreadCpus, sumOf, withKernel } from './kernel.ts';

const QSIZE = 2048;
/** Frames of one flow in a row: what one test run is worth. */
const BURST = 64;
/** What the peak is, of what the machine takes with all CPUs on. */
const PEAK = 0.7;
const MEASURE_MS = 300;
const INTERVAL_MS = 20;
const REST_MS = 1;
/** Bursts before the event loop has its turn. */
const BURSTS = 64;

export interface AutoscaleOnLinuxOptions {
  /** Default 'daily'. */
  readonly load?: LoadName;
  /** Frames per second at the peak. Default 70 % of what the machine was found to take with all CPUs on. */
  readonly rate?: number;
  /** Default 3. */
  readonly seconds?: number;
  readonly policy?: Policy;
  /** Of the traffic. Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

interface Scene {
  readonly kernel: Kernel;
  readonly steering: Steering;
  /** Sends up to so many bursts now; each of the flow whose turn it is. */
  burst(bursts: number): Promise<void>;
}

function withScene<T>(seed: number, act: (scene: Scene) => Promise<T>): Promise<T> {
  return withKernel(async (kernel) => {
    const { backend, cpus, attach, inside } = kernel;
    const steering = await createSteering({ backend, cpus: spreadCpus(cpus), qsize: QSIZE });
    try {
      attach(steering.program);
      const program = steering.program as LinuxProgram; // what this backend loads
      const random = randomFrom(seed);
      const frames = Array.from({ length: FLOWS }, (_, flow) => plainFrame(flow, random));
      const talk = createTalk(random);
      return await act({
        kernel,
        steering,
        async burst(bursts) {
          const runs = inside(() =>
            onCpu(RX_CPU, () =>
              Array.from({ length: bursts }, () =>
                program.testRun({ data: frames[talk()]!, repeat: BURST, liveFrames: true }),
              ),
            ),
          );
          await Promise.all(runs);
        },
      });
    } finally {
      steering.close();
    }
  });
}

interface Plan {
  readonly load: LoadName;
  readonly peak: number;
  readonly seconds: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  /** undefined: all CPUs stay on. */
  readonly control: { readonly capacity: number; readonly policy: Policy | undefined } | undefined;
}

/** Frames per second that so many CPUs take when frames come as fast as they can be sent. */
function measure({ seed, signal }: Pick<Plan, 'seed' | 'signal'>, count: (all: number) => number): Promise<number> {
  return withScene(seed, async ({ kernel, steering, burst }) => {
    const { cpus } = steering;
    steering.setActive(cpus.slice(-count(cpus.length))); // the last of them does not receive as well
    const taken = (): number => sumOf(countsOf(kernel.backend.statistics()).taken);
    const started = performance.now();
    while (performance.now() - started < MEASURE_MS) {
      checkSignal(signal);
      await burst(BURSTS);
      await sleep(0); // signals are heard here
    }
    const ms = performance.now() - started;
    const frames = taken();
    await kernel.settle();
    return (frames * 1000) / ms;
  });
}

interface Outcome {
  readonly run: AutoscaleRun<RanOnLinux>;
  readonly release: string;
  readonly cpus: number;
  readonly remoteCpus: readonly number[];
}

function runOnce({ load, peak, seconds, seed, signal, control }: Plan): Promise<Outcome> {
  return withScene(seed, async ({ kernel, steering, burst }) => {
    const { backend, cpus } = kernel;
    const remoteCpus = steering.cpus;
    const problems: string[] = [];
    const scaler =
      control &&
      createAutoscaler({
        backend,
        steering,
        capacity: control.capacity,
        ...(control.policy && { policy: control.policy }),
        onProblem: (problem) => void problems.push(problem),
      });
    scaler?.tick(); // from here on it counts
    const active = (): readonly number[] => scaler?.active ?? remoteCpus;
    let changes = 0;
    let sent = 0;
    const read = (): Reading<RanOnLinux> => {
      const statistics = backend.statistics();
      const { enqueued, queueFull, taken, passed } = countsOf(statistics);
      return {
        nowNs: statistics.timestampNs,
        offered: sent,
        missed: null,
        queueFull,
        delivered: sumOf(passed),
        taken: remoteCpus.map((cpu) => taken[cpu]!),
        depth: Math.max(0, enqueued - queueFull - sumOf(taken)), // counters are read one after the other
      };
    };
    const recorder = startRecorder(read, remoteCpus, active());
    const tick = (): void => {
      if (scaler?.tick().changed) changes++;
      recorder.tick(active());
    };
    const started = performance.now();
    let due = 0; // frames, at `at`
    let at = 0;
    for (let nextTick = INTERVAL_MS; at < seconds * 1000; ) {
      checkSignal(signal);
      const now = Math.min(performance.now() - started, seconds * 1000);
      due += (LOADS[load](now / (seconds * 1000)) * peak * (now - at)) / 1000;
      at = now;
      const bursts = Math.min(Math.floor((due - sent) / BURST), BURSTS);
      if (bursts > 0) {
        await burst(bursts);
        sent += bursts * BURST;
      }
      if (now >= nextTick) {
        tick();
        nextTick = performance.now() - started + INTERVAL_MS;
      }
      await sleep(REST_MS);
    }
    await kernel.settle();
    tick();
    scaler?.close();
    if (problems.length > 0) refuse('autoscale', problems[0]!);
    const run = {
      ...summaryOf(recorder.intervals),
      missed: null,
      outOfOrder: null,
      changes,
      cpuSecondsWorked: null,
      wakeups: null,
    };
    return { run, release: backend.release, cpus, remoteCpus };
  });
}

/** @throws KernelError EINVAL (options, what the policy answered); EPERM, ENOSYS (rights, what is missing); EINTR; ETIMEDOUT */
export async function runAutoscaleOnLinux(options: AutoscaleOnLinuxOptions = {}): Promise<AutoscaleResult<RanOnLinux>> {
  const { load = 'daily', seconds = 3, policy, seed = 1, signal } = options;
  if (!Object.hasOwn(LOADS, load)) refuse('autoscale', `no load '${load}': there are ${Object.keys(LOADS).join(', ')}`);
  checkPositive('autoscale', 'seconds', seconds);
  if (options.rate !== undefined) checkPositive('autoscale', 'rate', options.rate);
  const capacity = await measure({ seed, signal }, () => 1);
  const peak = options.rate ?? PEAK * (await measure({ seed, signal }, (all) => all));
  const plan = { load, peak, seconds, seed, signal };
  const { run: controlled, ...facts } = await runOnce({ ...plan, control: { capacity, policy } });
  const allOn = await runOnce({ ...plan, control: undefined });
  const { release, cpus, remoteCpus } = facts;
  return {
    scenario: 'autoscale',
    backend: 'linux',
    release,
    executor: null,
    seed,
    costs: null,
    load,
    cpus,
    rxQueues: 1,
    remoteCpus,
    capacity,
    peak,
    seconds,
    intervalNs: INTERVAL_MS * 1e6,
    controlled,
    allOn: allOn.run,
  };
}
