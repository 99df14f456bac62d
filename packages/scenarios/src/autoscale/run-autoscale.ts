/**
 * A load that goes up and down, twice: with the controller, which parks the remote CPUs that it does not need, and with all
 * of them on. The same frames at the same times; the same programs, which move flows in order.
 *
 * Where each number comes from
 *   offered         the device's counters, checked against the source
 *   lost            missed by the device, and found a full queue: the device's and the cpumap's counters
 *   delivered       a packet handler, which looks at the order of each flow as well
 *   CPUs in use     counters of the kthreads, and what is active (record.ts)
 *   CPU time        what the remote CPUs' counters say they did, times what the cost set says that takes
 */
import { createAutoscaler, createSteering, type Policy } from '@cpumap/autoscale';
import { total } from '@cpumap/host';
import { cpuTimes } from '../cpu-time.ts';
import { type Engine, type EngineOptions, sourceBytes, withEngine } from '../engine.ts';
import {
  type Chosen,
  checkCpus,
  checkPositive,
  chosenOf,
  cpuRange,
  type EngineSettings,
  type RanOnEngine,
  refuse,
} from '../settings.ts';
import { type FlowWatch, watchFlowsOf } from '../traffic/flow-watch.ts';
import { CYCLE, FLOWS, framesOfLoad, fullSource, LOADS, type LoadName, loadSource } from './loads.ts';
import { type Reading, startRecorder, summaryOf } from './record.ts';
import type { AutoscaleResult, AutoscaleRun } from './result.ts';

const QSIZE = 2048;
const MTU = 1500;
/** What the peak is, of what the machine takes with all CPUs on. */
const PEAK = 0.7;
const CALIBRATION_FRAMES = { virtual: 100_000, threads: 1_000_000 } as const;
/** Intervals of the controller. */
const INTERVAL_NS = { virtual: 1e6, threads: 20e6 } as const;
const MOST_FRAMES = 40_000_000;

export interface AutoscaleOptions extends EngineSettings {
  /** Default 'daily'. */
  readonly load?: LoadName;
  /** CPUs of the machine. Default 5 on virtual CPUs, 3 on threads. */
  readonly cpus?: number;
  /** Default 1. */
  readonly rxQueues?: number;
  /** Frames per second at the peak. Default 70 % of what the machine was found to take with all CPUs on. */
  readonly rate?: number;
  /** Default 0.4 on virtual CPUs, 4 on threads. */
  readonly seconds?: number;
  /** Whose decisions are carried out. Default `targetUtilisation` of @cpumap/autoscale. */
  readonly policy?: Policy;
}

interface Scene {
  readonly settings: Chosen;
  readonly cpus: number;
  readonly rxQueues: number;
  readonly remoteCpus: readonly number[];
}

/** @param paced whether frames are missed when nobody takes them; else there are fewer buffers than a queue holds */
function engineOf({ settings, cpus, rxQueues }: Scene, paced: boolean, bytes: number): EngineOptions {
  return { ...settings, cpus, rxQueues, mtu: MTU, buffers: paced ? 2 * QSIZE : QSIZE / 2, sourceBytes: bytes };
}

/** Runs something with the steering's program on the device. */
async function withSteering<T>(
  { host, device }: Engine,
  remoteCpus: readonly number[],
  act: (steering: Awaited<ReturnType<typeof createSteering>>) => Promise<T>,
): Promise<T> {
  const steering = await createSteering({ backend: host, cpus: remoteCpus, qsize: QSIZE });
  const link = host.attachXdp(device.name, steering.program);
  const result = await act(steering);
  link.detach();
  steering.close();
  return result;
}

/** Frames per second that so many remote CPUs take when frames come as fast as they are taken. */
function measure(scene: Scene, remoteCpus: readonly number[]): Promise<number> {
  const { executor, seed } = scene.settings;
  const count = CALIBRATION_FRAMES[executor];
  const source = fullSource(count, seed);
  return withEngine(engineOf(scene, false, sourceBytes(source)), (engine) =>
    withSteering(engine, remoteCpus, async () => {
      const { host, send, finish } = engine;
      await watchFlowsOf(host, FLOWS, CYCLE);
      await send(source); // compiles what runs per frame
      const started = host.now();
      await send(source);
      const seconds = (host.now() - started) / 1e9;
      finish();
      return count / seconds;
    }),
  );
}

function readEngine(
  { host, device }: Engine,
  watch: FlowWatch,
  remoteCpus: readonly number[],
): () => Reading<RanOnEngine> {
  return () => {
    const statistics = host.statistics();
    const { rx_packets = 0, rx_missed_errors = 0 } = device.statistics();
    return {
      nowNs: host.now(),
      offered: rx_packets + rx_missed_errors,
      missed: rx_missed_errors,
      queueFull: total(statistics, ({ cpumap }) => cpumap.ring_full),
      delivered: watch.deliveredInAll(),
      taken: remoteCpus.map((cpu) => statistics.cpus[cpu]!.cpumap.dequeued),
      depth: [...host.queueDepths().values()].reduce((sum, depth) => sum + depth, 0),
    };
  };
}

interface Plan {
  readonly load: LoadName;
  readonly peak: number;
  readonly seconds: number;
  /** undefined: all CPUs stay on. */
  readonly control: { readonly capacity: number; readonly policy: Policy | undefined } | undefined;
}

function runOnce(scene: Scene, { load, peak, seconds, control }: Plan): Promise<AutoscaleRun<RanOnEngine>> {
  const { settings, remoteCpus } = scene;
  const { executor, seed, costs } = settings;
  const source = loadSource(load, peak, seconds, seed);
  return withEngine(engineOf(scene, true, sourceBytes(source)), (engine) =>
    withSteering(engine, remoteCpus, async (steering) => {
      const { host, device, send, finish } = engine;
      const watch = await watchFlowsOf(host, FLOWS, CYCLE);
      const problems: string[] = [];
      const scaler =
        control &&
        createAutoscaler({
          backend: host,
          steering,
          capacity: control.capacity,
          ...(control.policy && { policy: control.policy }),
          onProblem: (problem) => void problems.push(problem),
        });
      scaler?.tick(); // from here on it counts
      let changes = 0;
      const active = (): readonly number[] => scaler?.active ?? remoteCpus;
      const recorder = startRecorder(readEngine(engine, watch, remoteCpus), remoteCpus, active());
      await send(source, {
        intervalNs: INTERVAL_NS[executor],
        tick() {
          if (scaler?.tick().changed) changes++;
          recorder.tick(active());
        },
      });
      recorder.tick(active());
      scaler?.close();
      const statistics = finish();
      if (problems.length > 0) refuse('autoscale', problems[0]!);
      const times = cpuTimes(statistics, costs);
      return {
        ...summaryOf(recorder.intervals),
        missed: device.statistics().rx_missed_errors!,
        outOfOrder: watch.outOfOrder(),
        changes,
        cpuSecondsWorked: remoteCpus.reduce((all, cpu) => all + times[cpu]!.totalNs, 0) / 1e9,
        wakeups: times.reduce((all, { counts }) => all + counts.wakeup, 0),
      };
    }),
  );
}

/** @throws KernelError EINVAL (options, what the policy answered), ENOMEM; EINTR (the signal); EIO (a frame is not accounted for) */
export async function runAutoscale(options: AutoscaleOptions = {}): Promise<AutoscaleResult<RanOnEngine>> {
  const settings = chosenOf(options);
  const { executor, seed, costs } = settings;
  const { load = 'daily', rxQueues = 1, policy } = options;
  const { cpus = executor === 'virtual' ? 5 : 3, seconds = executor === 'virtual' ? 0.4 : 4 } = options;
  if (!Object.hasOwn(LOADS, load)) refuse('autoscale', `no load '${load}': there are ${Object.keys(LOADS).join(', ')}`);
  checkCpus('autoscale', cpus, rxQueues);
  checkPositive('autoscale', 'seconds', seconds);
  if (options.rate !== undefined) checkPositive('autoscale', 'rate', options.rate);
  const remoteCpus = cpuRange(rxQueues, cpus - rxQueues);
  const scene: Scene = { settings, cpus, rxQueues, remoteCpus };
  const capacity = await measure(scene, remoteCpus.slice(0, 1));
  const peak = options.rate ?? PEAK * (await measure(scene, remoteCpus));
  const frames = framesOfLoad(load, peak, seconds);
  if (frames < 1 || frames > MOST_FRAMES) {
    refuse('autoscale', `${seconds} s of it are ${frames} frames: a run takes 1 to ${MOST_FRAMES}`);
  }
  const plan = { load, peak, seconds };
  const controlled = await runOnce(scene, { ...plan, control: { capacity, policy } });
  const allOn = await runOnce(scene, { ...plan, control: undefined });
  const intervalNs = INTERVAL_NS[executor];
  const facts = {
    executor,
    seed,
    costs,
    load,
    cpus,
    rxQueues,
    remoteCpus,
    capacity,
    peak,
    seconds,
    intervalNs,
  };
  return { scenario: 'autoscale', backend: 'engine', ...facts, controlled, allOn };
}
