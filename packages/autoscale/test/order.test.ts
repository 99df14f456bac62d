/** While the active set changes all the time, no frame overtakes another of its flow. A naive table lets them. */
import { createHost, type Host } from '@cpumap/host';
import { describe, expect, it } from 'vitest';
import { createSteering, type Steering } from '../src/index.ts';
import {
  bucketCpus,
  cpusWithFlows,
  flowSource,
  naiveProgram,
  randomFrom,
  someOf,
  type Tally,
  watchOrder,
} from './support/flows.ts';

const MIB = 1024 * 1024;
const FLOWS = 200;
const CYCLE = 8192;
const REMOTE = [1, 2, 3];
/** Their frames are more than two CPUs deliver, so that queues are deep; each flow comes in on one of them. */
const RX = [0, 4, 5];
const QSIZE = 8192; // more than there are buffers: nothing is lost

/** Changes of the active set from one look at all buckets to the next. */
const LOOK_EVERY = 16;

interface Outcome extends Tally {
  /** Buckets of flows found on another CPU than when they were looked at before: some of those that moved. */
  readonly moves: number;
}

async function endClean(host: Host, steering: Steering): Promise<void> {
  expect(host.ledger()).toEqual({ balanced: true, inFlight: 0, lost: [], problems: [] });
  await host.close();
  expect(host.failures).toEqual([]);
  steering.close();
}

interface Run {
  readonly executor: 'virtual' | 'threads';
  readonly frames: number;
  readonly seed: number;
  readonly naive?: boolean;
  readonly gro?: boolean;
}

async function run({ executor, frames, seed, naive = false, gro = false }: Run): Promise<Outcome> {
  const irqCpus = executor === 'virtual' ? RX : [0];
  const host = await createHost({ cpus: 3 + irqCpus.length, executor, seed, memoryBytes: 256 * MIB });
  const steering = await createSteering({ backend: host, cpus: REMOTE, qsize: QSIZE });
  const nic = host.createDevice({ channels: irqCpus.length, irqCpus, rxRing: 128, buffers: 512, gro });
  host.attachXdp(nic.name, naive ? await naiveProgram(host, steering) : steering.program);
  const tally = await watchOrder(host, FLOWS);
  const random = randomFrom(seed);
  nic.start(flowSource(FLOWS, CYCLE, frames, seed));
  let before = bucketCpus(steering);
  let moves = 0;
  let changes = 0;
  while (tally().frames < frames) {
    await host.advance(executor === 'virtual' ? 5_000 + random(50_000) : 500_000);
    steering.setActive(someOf(REMOTE, random));
    steering.settle();
    if (++changes % LOOK_EVERY !== 0) continue;
    const now = bucketCpus(steering);
    moves += now.filter((cpu, i) => cpu !== before[i] && before[i] !== undefined).length;
    before = now;
  }
  await host.settle();
  const outcome = { ...tally(), moves };
  await endClean(host, steering);
  return outcome;
}

describe.each([1, 2, 3])('virtual CPUs, seed %i', (seed) => {
  it('no frame out of order', async () => {
    const { frames, disordered, moves } = await run({ executor: 'virtual', frames: 200_000, seed });
    expect([frames, disordered]).toEqual([200_000, 0]);
    expect(moves).toBeGreaterThan(100);
  });

  it('no frame out of order behind GRO', async () => {
    const { frames, disordered } = await run({ executor: 'virtual', frames: 200_000, seed, gro: true });
    expect([frames, disordered]).toEqual([200_000, 0]);
  });

  it('the naive table puts frames out of order', async () => {
    const { disordered } = await run({ executor: 'virtual', frames: 200_000, seed, naive: true });
    expect(disordered).toBeGreaterThan(100);
  });
});

describe('threads', () => {
  it('no frame out of order', async () => {
    const { frames, disordered, moves } = await run({ executor: 'threads', frames: 2_000_000, seed: 4 });
    expect([frames, disordered]).toEqual([2_000_000, 0]);
    expect(moves).toBeGreaterThan(100);
  });

  it('the naive table puts frames out of order', async () => {
    const { disordered } = await run({ executor: 'threads', frames: 2_000_000, seed: 4, naive: true });
    expect(disordered).toBeGreaterThan(0);
  });
});

describe('a parked CPU', () => {
  it('gets no new flows, and loses those that it has: by frames of others, or after it was quiet', async () => {
    const host = await createHost({ cpus: 4, executor: 'virtual', memoryBytes: 256 * MIB });
    const steering = await createSteering({ backend: host, cpus: REMOTE, qsize: QSIZE });
    const nic = host.createDevice({ irqCpus: [0], rxRing: 512, buffers: 2048 });
    host.attachXdp(nic.name, steering.program);
    const tally = await watchOrder(host, FLOWS);
    const source = flowSource(FLOWS, CYCLE, CYCLE, 1);
    nic.start(source);
    await host.settle();
    expect(cpusWithFlows(steering)).toEqual(REMOTE);
    steering.setActive([2]);
    steering.settle();
    steering.settle(); // quiet since the last time
    nic.start(source);
    await host.settle();
    expect(cpusWithFlows(steering)).toEqual([2]);
    expect(tally()).toEqual({ frames: 2 * CYCLE, disordered: 0 });
    await endClean(host, steering);
  });
});
