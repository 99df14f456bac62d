/**
 * The flood on the running kernel: test runs with live frames on CPU 0. Legitimate frames come one by one, the flood between
 * them by the thousand; the share of both is that of the engine's flood.
 *
 * Where each number comes from
 *   offered      the test runs
 *   filtered     what the filter counts in rx_cnt
 *   queue full   the kernel's tracepoint xdp_cpumap_enqueue
 *   delivered    a packet socket behind the stack, which knows the legitimate frames by all of their bytes
 *   rate         test runs of the flood alone: frames by the time that they took
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { onCpu } from '@cpumap/linux';
import { type DecodedCapture, parsePktgenSpec, pktgenTemplates } from '@cpumap/nic';
import { sampleProgram } from '@cpumap/programs';
import { DATAREC, ETH_P, KernelError } from '@cpumap/uapi';
import { fingerprint } from '../ddos/fingerprint.ts';
import { MIX } from '../ddos/flood-mix.ts';
import { legitimateFrames } from '../ddos/legitimate.ts';
import type { DdosResult } from '../ddos/result.ts';
import { randomFrom } from '../random.ts';
import { createSampleMachine } from '../sample-machine.ts';
import { checkSignal, type RanOnLinux, refuse } from '../settings.ts';
import { countsOf, RX_CPU, withKernel } from './kernel.ts';

/** Legitimate frames between two runs of the flood, and how often that is done. */
const BATCH = 64;
const BATCHES = 100;
const SENDERS = 256;
const QSIZE = 2048;
const PROTOCOLS = 3;

export interface DdosOnLinuxOptions {
  readonly capture: DecodedCapture;
  /** Of the traffic. Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** The stack takes tags off before the socket sees a frame, which then is another one. */
function isTagged(frame: Uint8Array): boolean {
  const type = (frame[12]! << 8) | frame[13]!;
  return type === ETH_P['8021Q'] || type === ETH_P['8021AD'];
}

function droppedByFilter(record: Uint8Array): number {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  let dropped = 0;
  for (let at = DATAREC.dropped; at < record.length; at += DATAREC.sizeof) {
    dropped += Number(view.getBigUint64(at, true));
  }
  return dropped;
}

/** @throws KernelError EINVAL; EPERM, ENOSYS (rights, what is missing); EINTR; EIO (a frame is not accounted for) */
export async function runDdosOnLinux({
  capture,
  seed = 1,
  signal,
}: DdosOnLinuxOptions): Promise<DdosResult<RanOnLinux>> {
  const legitimate = legitimateFrames(capture).filter((frame) => !isTagged(frame));
  if (legitimate.length === 0)
    refuse('ddos', 'on the kernel legitimate frames have no VLAN tags, and all of these have');
  const flood = pktgenTemplates(parsePktgenSpec(`flows=${SENDERS},seed=${seed >>> 0}`)).map(({ data }) => data);
  const random = randomFrom(seed);
  return withKernel(async ({ backend, cpus, inside, attach, settle, loopback }) => {
    const remoteCpus = cpus === 1 ? [RX_CPU] : Array.from({ length: cpus - 1 }, (_, i) => i + 1);
    const byProtocol = Array.from({ length: PROTOCOLS }, (_, index) => remoteCpus[index % remoteCpus.length]!);
    const machine = createSampleMachine(backend, byProtocol, QSIZE);
    const program = await backend.loadProgram(sampleProgram('l4-filter', machine));
    attach(program);
    const run = async (data: Uint8Array, repeat: number): Promise<number> => {
      const { durationNs } = await inside(() =>
        onCpu(RX_CPU, () => program.testRun({ data, repeat, liveFrames: true })),
      );
      return durationNs * repeat;
    };
    const known = new Set(legitimate.map((frame) => fingerprint(frame)));
    const floodFrames = BATCH * (MIX - 1);
    const seen = { legitimate: 0, others: 0 };
    const read = (): number => {
      for (const { frame } of loopback.read()) {
        if (known.has(fingerprint(frame))) seen.legitimate++;
        else seen.others++;
      }
      return seen.legitimate + seen.others;
    };
    let floodNs = 0;
    const started = performance.now();
    for (let batch = 0; batch < BATCHES; batch++) {
      checkSignal(signal);
      for (let n = 0; n < BATCH; n++) await run(legitimate[(batch * BATCH + n) % legitimate.length]!, 1);
      floodNs += await run(flood[random(SENDERS)]!, floodFrames);
      await nextTurn(); // signals are heard here
    }
    const seconds = (performance.now() - started) / 1000;
    const counts = () => countsOf(backend.statistics());
    await settle(() => read() >= counts().enqueued - counts().queueFull);
    const { enqueued, queueFull } = counts();
    const filtered = droppedByFilter(machine.maps.rx_cnt!.lookup(0));
    const offered = BATCHES * (BATCH + floodFrames);
    if (filtered + enqueued !== offered || read() + queueFull !== enqueued) {
      throw new KernelError('EIO', 'scenario', {
        hint: `not every frame is accounted for, so there are no results: ${offered} offered, ${filtered} filtered, ${enqueued} redirected, ${queueFull} dropped, ${read()} delivered`,
      });
    }
    return {
      scenario: 'ddos',
      backend: 'linux',
      release: backend.release,
      executor: null,
      seed,
      costs: null,
      cpus,
      rate: (BATCHES * floodFrames * 1e9) / floodNs,
      rxCpuTakes: undefined,
      seconds,
      captureFrames: legitimate.length,
      runs: [
        {
          rxQueues: 1,
          rxCpus: [RX_CPU],
          remoteCpus,
          offered,
          offeredLegitimate: BATCHES * BATCH,
          missed: null,
          filtered,
          queueFull,
          deliveredLegitimate: seen.legitimate,
          deliveredOther: seen.others,
          cpuTime: null,
        },
      ],
    };
  });
}
