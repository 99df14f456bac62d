/**
 * Traffic that lands on one RX queue whatever RSS does, before and after: first each RX CPU delivers what RSS gives it, then
 * a program hashes what is inside the encapsulation and a cpumap spreads it over the remote CPUs.
 *
 * Where each number comes from
 *   offered        the source
 *   missed         the device's counter
 *   queue full     the cpumap's counter at its flushes
 *   delivered      a packet handler on each CPU, which reads flow and number at the end of each frame
 *   out of order   that handler: frames that are behind the one before them in their flow
 */
import { total } from '@cpumap/host';
import { type Engine, sourceBytes, withEngine } from '../engine.ts';
import { jainIndex } from '../jain.ts';
import {
  type Chosen,
  checkCpus,
  checkInteger,
  checkPositive,
  chosenOf,
  cpuRange,
  type EngineSettings,
  type RanOnEngine,
} from '../settings.ts';
import { watchFlowsOf } from '../traffic/flow-watch.ts';
import { type Encapsulation, type EncapsulationName, encapsulationsOf } from './encapsulations.ts';
import { createFlowTraffic, type FlowTraffic } from './flow-source.ts';
import type { ImbalanceResult, ImbalanceRun, Spread } from './result.ts';
import { type SpreadingProgram, steeringFor } from './spreading-program.ts';

const RATE = 8_000_000;
const QSIZE = 2048;
const MTU = 1500;
const MOST_FLOWS = 4096;

export interface ImbalanceOptions extends EngineSettings {
  /** Default all of them, one after the other. */
  readonly encapsulations?: readonly EncapsulationName[];
  /** Default the steering program of each encapsulation. */
  readonly program?: SpreadingProgram;
  /** CPUs of the machine. Default 8. */
  readonly cpus?: number;
  /** Of the device; the CPUs beyond them are the remote ones. Default 4. */
  readonly rxQueues?: number;
  /** Default 1024. */
  readonly flows?: number;
  /** Frames per second. Default 8 million on virtual CPUs; on threads as fast as they are taken, so that none is missed. */
  readonly rate?: number;
  /** Seconds of traffic, where a rate says how many frames that is. Default 0.05. */
  readonly seconds?: number;
}

/** What a run is about, checked. */
interface Scene {
  readonly settings: Chosen;
  readonly cpus: number;
  readonly rxQueues: number;
  readonly flows: number;
  readonly count: number;
  readonly rate: number;
}

async function receive(
  { host, device, send, finish }: Engine,
  traffic: FlowTraffic,
  { flows, count, rate }: Scene,
  on: readonly number[],
): Promise<Spread<RanOnEngine>> {
  const watch = await watchFlowsOf(host, flows, traffic.cycle);
  const started = host.now();
  await send(traffic.source(count, rate));
  const seconds = (host.now() - started) / 1e9;
  const statistics = finish();
  const delivered = on.map(watch.delivered);
  return {
    cpus: on,
    delivered,
    jain: jainIndex(delivered),
    queuesUsed: device.queueCounts().filter(({ packets, missed }) => packets + missed > 0).length,
    missed: device.statistics().rx_missed_errors!,
    queueFull: total(statistics, ({ cpumap }) => cpumap.ring_full),
    refused: total(statistics, ({ xdp }) => xdp.drop + xdp.aborted + xdp.redirect_err),
    outOfOrder: watch.outOfOrder(),
    deliveredPerSecond: watch.deliveredInAll() / seconds,
  };
}

async function compare(
  encapsulation: Encapsulation,
  program: SpreadingProgram,
  scene: Scene,
): Promise<ImbalanceRun<RanOnEngine>> {
  const { settings, cpus, rxQueues, flows, count, rate } = scene;
  const traffic = createFlowTraffic(encapsulation, flows, settings.seed);
  const { rssVlanTags } = encapsulation;
  const paced = rate < Number.POSITIVE_INFINITY;
  const engine = {
    ...settings,
    cpus,
    rxQueues,
    mtu: MTU,
    // without a pace the wire waits: with fewer buffers than a ring holds, nothing is ever dropped
    buffers: paced ? 2 * QSIZE : QSIZE / 2,
    sourceBytes: sourceBytes(traffic.source(count, rate)),
    ...(rssVlanTags === undefined ? {} : { rssVlanTags }),
  };
  const rxCpus = cpuRange(0, rxQueues);
  const remoteCpus = cpuRange(rxQueues, cpus - rxQueues);
  const before = await withEngine(engine, (one) => receive(one, traffic, scene, rxCpus));
  const after = await withEngine(engine, async (one) => {
    one.host.attachXdp(one.device.name, await program.load(one.host, remoteCpus, QSIZE));
    return receive(one, traffic, scene, remoteCpus);
  });
  const { name, description } = encapsulation;
  return { encapsulation: name, description, program: program.name, offered: count, before, after };
}

/** @throws KernelError EINVAL, ENOMEM; EINTR (the signal); EIO (a frame is not accounted for); what the program's load throws */
export async function runImbalance(options: ImbalanceOptions = {}): Promise<ImbalanceResult<RanOnEngine>> {
  const { encapsulations, program } = options;
  const { cpus = 8, rxQueues = 4, flows = 1024, seconds = 0.05 } = options;
  const settings = chosenOf(options);
  const { executor, seed, costs } = settings;
  checkCpus('imbalance', cpus, rxQueues);
  checkInteger('imbalance', 'flows', flows, 1, MOST_FLOWS);
  checkPositive('imbalance', 'seconds', seconds);
  if (options.rate !== undefined) checkPositive('imbalance', 'rate', options.rate);
  const chosen = encapsulationsOf(encapsulations);
  const rate = options.rate ?? (executor === 'threads' ? undefined : RATE);
  const scene: Scene = {
    settings,
    cpus,
    rxQueues,
    flows,
    count: Math.max(1, Math.round((rate ?? RATE) * seconds)),
    rate: rate ?? Number.POSITIVE_INFINITY,
  };
  const runs: ImbalanceRun<RanOnEngine>[] = [];
  for (const encapsulation of chosen) {
    runs.push(await compare(encapsulation, program ?? steeringFor(encapsulation.name), scene));
  }
  return { scenario: 'imbalance', backend: 'engine', executor, seed, costs, cpus, rxQueues, flows, rate, runs };
}
