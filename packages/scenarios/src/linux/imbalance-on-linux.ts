/**
 * The imbalance on the running kernel: numbered frames of encapsulated flows come through a veth pair, whose near end runs the
 * program that spreads them. A veth pair has no RSS, so there is no "before".
 *
 * Where each number comes from
 *   share, dropped   the kernel's tracepoints xdp_cpumap_kthread and xdp_cpumap_enqueue
 *   out of order     a packet socket behind the stack, which reads flow and number at the end of each frame
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { onCpu } from '@cpumap/linux';
import { type Encapsulation, type EncapsulationName, encapsulationsOf } from '../imbalance/encapsulations.ts';
import { createFlowTraffic } from '../imbalance/flow-source.ts';
import type { ImbalanceResult, ImbalanceRun } from '../imbalance/result.ts';
import { type SpreadingProgram, steeringFor } from '../imbalance/spreading-program.ts';
import { jainIndex } from '../jain.ts';
import { checkSignal, type RanOnLinux } from '../settings.ts';
import { LABEL_BYTES } from '../traffic/watch-flows.ts';
import { countsOf, RX_CPU, spreadCpus, sumOf, withKernel } from './kernel.ts';

const FLOWS = 1024;
/** All of them fit into one ring. */
const FRAMES = 16_000;
const QSIZE = 16_384;
/** Frames sent before signals are heard. */
const CHUNK = 1000;

export interface ImbalanceOnLinuxOptions {
  /** Default all of them, one after the other. */
  readonly encapsulations?: readonly EncapsulationName[];
  /** Default the steering program of each encapsulation. */
  readonly program?: SpreadingProgram;
  /** Of the traffic. Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** Counts frames, and those that are not behind the one before them in their flow. */
function createOrder() {
  const last = new Int32Array(FLOWS).fill(-1);
  const seen = { frames: 0, outOfOrder: 0 };
  return {
    seen,
    add(frame: Uint8Array): void {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
      const at = frame.length - LABEL_BYTES;
      const flow = view.getUint32(at);
      const number = view.getUint32(at + 4);
      if (number <= last[flow]!) seen.outOfOrder++;
      last[flow] = number;
      seen.frames++;
    },
  };
}

function spread(
  encapsulation: Encapsulation,
  program: SpreadingProgram,
  { seed, signal }: { readonly seed: number; readonly signal: AbortSignal | undefined },
): Promise<{ run: ImbalanceRun<RanOnLinux>; release: string; cpus: number }> {
  const { frames, order } = createFlowTraffic(encapsulation, FLOWS, seed).source(FRAMES, Number.POSITIVE_INFINITY);
  return withKernel(async ({ backend, cpus, attach, settle, near, far }) => {
    const remoteCpus = spreadCpus(cpus);
    attach(await program.load(backend, remoteCpus, QSIZE));
    const { seen, add } = createOrder();
    const read = (): number => {
      for (const { frame } of near.read()) add(frame);
      return seen.frames;
    };
    const started = performance.now();
    for (let at = 0; at < FRAMES; at += CHUNK) {
      onCpu(RX_CPU, () => {
        for (const frame of order.subarray(at, Math.min(at + CHUNK, FRAMES))) far.send(frames[frame]!);
      });
      checkSignal(signal);
      await nextTurn();
    }
    const counts = () => countsOf(backend.statistics());
    await settle(() => read() >= counts().enqueued - counts().queueFull);
    const seconds = (performance.now() - started) / 1000;
    const { enqueued, queueFull, taken } = counts();
    const delivered = remoteCpus.map((cpu) => taken[cpu]!);
    const { name, description } = encapsulation;
    const after = {
      cpus: remoteCpus,
      delivered,
      jain: jainIndex(delivered),
      queuesUsed: null,
      missed: null,
      queueFull,
      refused: FRAMES - enqueued,
      outOfOrder: seen.outOfOrder,
      deliveredPerSecond: sumOf(delivered) / seconds,
    };
    const run = { encapsulation: name, description, program: program.name, offered: FRAMES, before: null, after };
    return { run, release: backend.release, cpus };
  });
}

/** @throws KernelError EINVAL; EPERM, ENOSYS (rights, what is missing); EINTR; ETIMEDOUT; what the program's load throws */
export async function runImbalanceOnLinux(options: ImbalanceOnLinuxOptions = {}): Promise<ImbalanceResult<RanOnLinux>> {
  const { encapsulations, program, seed = 1, signal } = options;
  const chosen = encapsulationsOf(encapsulations);
  const all: Awaited<ReturnType<typeof spread>>[] = [];
  for (const encapsulation of chosen) {
    all.push(await spread(encapsulation, program ?? steeringFor(encapsulation.name), { seed, signal }));
  }
  const { release, cpus } = all[0]!;
  const runs = all.map(({ run }) => run);
  const facts = { cpus, rxQueues: 1, flows: FLOWS, rate: undefined, runs };
  return { scenario: 'imbalance', backend: 'linux', release, executor: null, seed, costs: null, ...facts };
}
