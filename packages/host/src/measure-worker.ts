/**
 * The entry of the thread that measures the cost set `this-machine`. A thread of its own, as code that ran for another
 * host before is compiled for both and takes twice as long.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { assembleProgram } from '@cpumap/bpf';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { BPF_MAP_TYPE, NAPI_POLL_WEIGHT } from '@cpumap/uapi';
import { ACCEPT_ALL } from './builtin-handlers.ts';
import type { CostSet } from './costs/cost-set.ts';
import type { MeasureOptions } from './costs/measure-costs.ts';
import { type ProfileStep, profileStages, type StageProfile } from './costs/stage-profile.ts';
import { cpuMapOf } from './cpu-map.ts';
import { createHost } from './host.ts';

const TO_CPU_1 = `
    r1 = map(cpu_map) ll
    r2 = 1
    r3 = 0
    call 51
    exit`;
const BULK = 8;
const WAKE_UPS = 60;
const WAKE_UP_LOOPS = 500_000;
const GIVE_UP_NS = 100_000_000n;

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** Frames of 64 bytes, redirected, made sk_buffs and counted by a handler, all on this thread. */
async function profile({ frames = 1_500_000, rounds = 5 }: MeasureOptions): Promise<StageProfile[]> {
  const host = await createHost({ cpus: 2, executor: 'virtual' });
  try {
    const map = host.createMap({ type: BPF_MAP_TYPE.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 2 });
    cpuMapOf(map).set(1, { qsize: 2048 });
    const code = { bytecode: assembleProgram(TO_CPU_1) };
    const program = await host.loadProgram({ name: 'to_cpu_1', code, maps: { cpu_map: map } });
    const device = host.createDevice({ irqCpus: [0] });
    host.attachXdp(device.name, program);
    await host.addHandler(ACCEPT_ALL);
    const run = async (): Promise<void> => {
      device.start(pktgenSource(parsePktgenSpec(''), frames));
      await host.settle();
    };
    await run();
    return await profileStages(rounds, frames, run);
  } finally {
    await host.close();
  }
}

/** Sleeps until it is notified, answers the time; what a sleeping CPU's thread does. */
const SLEEPER = `
const { parentPort, workerData } = require('node:worker_threads');
const words = new Int32Array(workerData), times = new BigInt64Array(workerData);
for (let round = 1; ; round++) {
  Atomics.store(words, 1, round);
  Atomics.wait(words, 0, round - 1);
  times[1] = process.hrtime.bigint();
  Atomics.store(words, 4, round);
}`;

/** Nanoseconds that a sleeping thread needs from its notification to its next instruction; the median. */
async function measureWakeLatency(): Promise<number> {
  const memory = new SharedArrayBuffer(24);
  const words = new Int32Array(memory);
  const times = new BigInt64Array(memory);
  const worker = new Worker(SLEEPER, { eval: true, workerData: memory });
  try {
    const latencies: number[] = [];
    for (let round = 1; round <= WAKE_UPS; round++) {
      while (Atomics.load(words, 1) < round) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, 1)); // it sleeps by now
      const begin = process.hrtime.bigint();
      Atomics.store(words, 0, round);
      Atomics.notify(words, 0);
      while (Atomics.load(words, 4) < round) {
        if (process.hrtime.bigint() - begin > GIVE_UP_NS) throw new Error('the sleeping thread does not wake');
      }
      latencies.push(Number(times[1]! - begin));
    }
    return medianOf(latencies);
  } finally {
    await worker.terminate();
  }
}

/** Nanoseconds to wake a kthread whose CPU still looks around, as it does under load: what `wakeUp` and `kick` do then. */
function measureWakeUp(): number {
  const words = new Int32Array(new SharedArrayBuffer(12));
  const begin = performance.now();
  for (let i = 0; i < WAKE_UP_LOOPS; i++) {
    Atomics.store(words, 0, 1);
    if (Atomics.load(words, 0) === 1 && Atomics.compareExchange(words, 0, 1, 0) === 1) Atomics.add(words, 1, 1);
    if (Atomics.load(words, 2) !== 0) throw new Error('nobody sleeps here');
  }
  return ((performance.now() - begin) * 1e6) / WAKE_UP_LOOPS;
}

async function measure(options: MeasureOptions): Promise<CostSet> {
  const profiles = await profile(options);
  const wakeLatency = await measureWakeLatency();
  const step = (name: ProfileStep): number => medianOf(profiles.map(({ steps }) => steps[name]));
  const program = step('program');
  return {
    name: 'this-machine',
    source:
      'Measured a moment ago: the engine, all CPUs on one thread, divided by samples of its profiler; ring operations count half ' +
      'for each side; programs that do little more than redirect; wake-ups of kthreads whose CPUs do not sleep yet.',
    ns: {
      driver: step('source') + step('driver') + step('return'),
      program,
      enqueue: step('redirect') + step('enqueue'),
      flush: (step('ring') / 2) * BULK,
      wakeup: measureWakeUp(),
      dequeue: step('dequeue') + step('ring') / 2,
      remoteProgram: program,
      skb: step('build'),
      stack: step('deliver'),
    },
    // a poll of 64 frames costs a turn on each of two CPUs
    turn: Math.max(1, (step('other') * NAPI_POLL_WEIGHT) / 2),
    wakeLatency,
  };
}

parentPort!.postMessage(await measure(workerData));
