/**
 * A flood, filtered where it arrives: 64-byte UDP to port 9 with legitimate TCP among it; prognum 4 drops the flood on the
 * RX CPUs and redirects the rest. One run for each number of RX queues, side by side.
 *
 * Where each number comes from
 *   offered      the source: its order says what each frame is
 *   missed       the device's counter; frames that no posted buffer was there for
 *   filtered     XDP_DROP, counted by NAPI
 *   queue full   the cpumap's counter at its flushes
 *   delivered    a packet handler on the remote CPUs that knows the legitimate frames by all of their bytes
 *   CPU time     what each CPU's counters say it did, times what the cost set says that takes
 */
import { availableParallelism } from 'node:os';
import { total } from '@cpumap/host';
import type { DecodedCapture } from '@cpumap/nic';
import { sampleProgram } from '@cpumap/programs';
import { cpuTimes } from '../cpu-time.ts';
import { type Engine, sourceBytes, withEngine } from '../engine.ts';
import { HANDLERS } from '../handler-module.ts';
import { createSampleMachine } from '../sample-machine.ts';
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
import { type CountLegitimateOptions, TALLY_COLUMNS } from './count-legitimate.ts';
import { createFloodMix, type FloodMix } from './flood-mix.ts';
import { legitimateFrames } from './legitimate.ts';
import type { DdosResult, DdosRun } from './result.ts';

/** 10 Gbit/s of 64-byte frames. */
export const WIRE_SPEED = 14_880_952;
/** What the published figures offer to one RX CPU, in terms of what it takes: 14.88 of 11 million. */
const OVERLOAD = 14.88 / 11;
const CALIBRATION_FRAMES = 1_000_000;
const QSIZE = 2048;
const MTU = 1500;
/** TCP goes to the first CPU of the program's list, UDP to the second, ICMP to the third. */
const PROTOCOLS = 3;

export interface DdosOptions extends EngineSettings {
  /** Whose TCP frames are the legitimate traffic. */
  readonly capture: DecodedCapture;
  /** CPUs of the machine. Default 4. */
  readonly cpus?: number;
  /** One run for each. Default 1 and 2; on threads, where this machine has no processor for the second RX CPU, 1 alone. */
  readonly rxQueues?: readonly number[];
  /**
   * Frames per second, flood and legitimate together. Default 14.88 million on virtual CPUs; on threads as much more than
   * one RX CPU takes as that is in the published figures.
   */
  readonly rate?: number;
  /** Seconds of traffic. Default 0.1 on virtual CPUs, 1 on threads. */
  readonly seconds?: number;
}

interface Scene {
  readonly mix: FloodMix;
  readonly settings: Chosen;
  readonly cpus: number;
  readonly remoteCpus: readonly number[];
}

/** An engine with the filter, and what its handler counts: legitimate frames, others. */
function withFilter<T>(
  { mix, settings, cpus, remoteCpus }: Scene,
  rxQueues: number,
  act: (engine: Engine, tally: () => { legitimate: number; others: number }) => Promise<T>,
): Promise<T> {
  const options = {
    ...settings,
    cpus,
    rxQueues,
    mtu: MTU,
    buffers: 2 * QSIZE,
    sourceBytes: sourceBytes(mix.source(1, 1)),
  };
  return withEngine(options, async (engine) => {
    const { host, device } = engine;
    const byProtocol = cpuRange(0, PROTOCOLS).map((index) => remoteCpus[index % remoteCpus.length]!);
    const program = await host.loadProgram(sampleProgram('l4-filter', createSampleMachine(host, byProtocol, QSIZE)));
    const tally = new SharedArrayBuffer(cpus * TALLY_COLUMNS * Float64Array.BYTES_PER_ELEMENT);
    const handler: CountLegitimateOptions = { tally, fingerprints: mix.fingerprints };
    await host.addHandler({ module: HANDLERS, export: 'countLegitimate' }, { options: handler });
    host.attachXdp(device.name, program);
    const column = (which: number): number =>
      new Float64Array(tally).reduce((sum, n, at) => (at % TALLY_COLUMNS === which ? sum + n : sum), 0);
    return act(engine, () => ({ legitimate: column(0), others: column(1) }));
  });
}

/** Frames per second that one RX CPU receives, filters and redirects when nothing holds it up. */
function measureRxCpu(scene: Scene): Promise<number> {
  return withFilter(scene, 1, async ({ host, send, finish }) => {
    const source = scene.mix.source(CALIBRATION_FRAMES, Number.POSITIVE_INFINITY);
    await send(source); // compiles what runs per frame
    const started = host.now();
    await send(source);
    const seconds = (host.now() - started) / 1e9;
    finish();
    return CALIBRATION_FRAMES / seconds;
  });
}

function runOnce(scene: Scene, rxQueues: number, count: number, rate: number): Promise<DdosRun<RanOnEngine>> {
  return withFilter(scene, rxQueues, async ({ send, finish, device }, tally) => {
    await send(scene.mix.source(count, rate));
    const statistics = finish();
    const { legitimate, others } = tally();
    const { remoteCpus, settings } = scene;
    const rxCpus = cpuRange(0, rxQueues);
    const times = cpuTimes(statistics, settings.costs);
    return {
      rxQueues,
      rxCpus,
      remoteCpus,
      offered: count,
      offeredLegitimate: scene.mix.legitimateIn(count),
      missed: device.statistics().rx_missed_errors!,
      filtered: total(statistics, ({ xdp }) => xdp.drop),
      queueFull: total(statistics, ({ cpumap }) => cpumap.ring_full),
      deliveredLegitimate: legitimate,
      deliveredOther: others,
      cpuTime: [...rxCpus, ...remoteCpus].map((cpu) => times[cpu]!),
    };
  });
}

/** @throws KernelError EINVAL, ENOMEM; EINTR (the signal); EIO (a frame is not accounted for) */
export async function runDdos(options: DdosOptions): Promise<DdosResult<RanOnEngine>> {
  const { capture, cpus = 4 } = options;
  const settings = chosenOf(options);
  const { executor, seed, costs } = settings;
  const alone = executor === 'threads' && availableParallelism() <= 2;
  const { rxQueues = alone ? [1] : [1, 2] } = options;
  const { seconds = executor === 'virtual' ? 0.1 : 1 } = options;
  if (rxQueues.length === 0) refuse('ddos', 'rxQueues is empty: it takes a number of queues for each run');
  const most = Math.max(...rxQueues);
  for (const queues of rxQueues) checkCpus('ddos', cpus, queues);
  checkPositive('ddos', 'seconds', seconds);
  if (options.rate !== undefined) checkPositive('ddos', 'rate', options.rate);
  const legitimate = legitimateFrames(capture);
  const mix = createFloodMix(legitimate, seed);
  const scene: Scene = { mix, settings, cpus, remoteCpus: cpuRange(most, cpus - most) };
  const measures = options.rate === undefined && executor === 'threads';
  const rxCpuTakes = measures ? await measureRxCpu(scene) : undefined;
  const rate = options.rate ?? (rxCpuTakes === undefined ? WIRE_SPEED : rxCpuTakes * OVERLOAD);
  const count = Math.max(1, Math.round(rate * seconds));
  const runs: DdosRun<RanOnEngine>[] = [];
  for (const queues of rxQueues) runs.push(await runOnce(scene, queues, count, rate));
  return {
    scenario: 'ddos',
    backend: 'engine',
    executor,
    seed,
    costs,
    cpus,
    rate,
    rxCpuTakes,
    seconds: count / rate,
    captureFrames: legitimate.length,
    runs,
  };
}
