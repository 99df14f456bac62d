/** Virtual CPUs that poll NAPI and nothing else, and a device on them: every frame passes to the stack, which keeps it. */

import {
  attachFramePools,
  attachNetifReceive,
  attachSkBuffs,
  attachXdpFrames,
  copyMacFrame,
  createFramePools,
  FRAME_POOL,
  readSkBuff,
  STACK_COUNTERS,
  XDP_BUFF,
} from '@cpumap/skb';
import {
  attachMachine,
  attachTasks,
  createAllocator,
  createCpuLoop,
  createMachine,
  createMemory,
  createPercpu,
  createVirtualExecutor,
  createVirtualTime,
  percpu,
} from '@cpumap/smp';
import { attachTracepoints, createTraceArea } from '@cpumap/tracepoints';
import { ETH_P, featuresOf, NET_RX_SUCCESS } from '@cpumap/uapi';
import { attachXdp, createXdp, NO_XDP_XMIT } from '@cpumap/xdp';
import { expect } from 'vitest';
import {
  attachDma,
  attachNapi,
  createNicDevice,
  type FrameSource,
  type NicDevice,
  type NicOptions,
} from '../../../src/index.ts';

const MIB = 1024 * 1024;

interface Arrival {
  readonly cpu: number;
  readonly queue: number;
  /** On the machine's clock. */
  readonly atNs: number;
  readonly frame: Uint8Array;
  /** Where it lay. */
  readonly buffer: number;
}

export interface Bench {
  device(options?: Partial<NicOptions>): NicDevice;
  readonly arrivals: Arrival[];
  /** One turn of one CPU, out of its time. */
  turn(cpu: number): void;
  /** The CPU that alone may take buffers from the pool of this one, and put them into its cache. */
  ownerOf(buffer: number): number;
  /** Bytes of shared memory in use. */
  used(): number;
  now(): number;
  advance(ns: number): Promise<void>;
  /** Until the device's source has ended and every frame was taken. */
  settle(nic: NicDevice): Promise<void>;
  send(nic: NicDevice, source: FrameSource): Promise<void>;
  /** Ends the device; checks that every frame was counted once and every buffer came home. */
  end(nic: NicDevice): void;
}

export function createBench(nrCpus: number, { seed = 1, mib = 256 } = {}): Bench {
  const memory = createMemory(mib * MIB);
  const allocator = createAllocator(memory);
  const at = createMachine(allocator, nrCpus);
  const time = createVirtualTime(nrCpus);
  const machine = attachMachine(memory, at, time.onKick);
  const tasks = attachTasks(machine);
  const features = featuresOf('6.18');
  const trace = createTraceArea(allocator, nrCpus, 2);
  const pools = createFramePools(memory, allocator, nrCpus);
  const xdpAt = createXdp(allocator, nrCpus);
  const counters = createPercpu(allocator, nrCpus, STACK_COUNTERS.sizeof);
  const buffs = createPercpu(allocator, nrCpus, XDP_BUFF.sizeof);
  const arrivals: Arrival[] = [];

  const runtimes = Array.from({ length: nrCpus }, (_, cpu) => {
    const { clock } = time;
    const tracepoints = attachTracepoints(memory, trace, cpu, features, clock);
    const framePools = attachFramePools(memory, pools, cpu);
    const frames = attachXdpFrames(memory, features);
    const skbs = attachSkBuffs(memory, frames, features);
    const fail = (_: unknown, error: unknown): never => {
      throw error;
    };
    const own = percpu(counters, cpu);
    const stack = attachNetifReceive({ memory, skbs, pools: framePools, counters: own, onError: fail });
    const receive = (skb: number): number => {
      const queue = readSkBuff(memory, skb).queue_mapping - 1;
      arrivals.push({ cpu, queue, atNs: clock.now(), frame: copyMacFrame(memory, skb), buffer: skbs.frameOf(skb) });
      return NET_RX_SUCCESS;
    };
    stack.add({ id: 1, protocol: ETH_P.ALL, handler: { receive } });
    const redirects = { targets: [], device: NO_XDP_XMIT };
    const shared = { memory, cpu, clock, features, frames, tracepoints, pools: framePools };
    const xdpParts = { ...shared, seed, ...redirects, onProgramError: fail };
    const xdp = attachXdp(xdpParts, xdpAt);
    const dma = attachDma(memory, clock);
    const buff = percpu(buffs, cpu);
    const napi = attachNapi({ ...shared, machine, tasks, skbs, stack, xdp, dma, buff });
    const noKthreads = (): never => {
      throw new Error('there are no kthreads here');
    };
    return { loop: createCpuLoop(machine, tasks, cpu, [noKthreads, napi]), handle: async () => undefined };
  });
  const executor = createVirtualExecutor(machine, time, runtimes, seed);
  let ifindex = 2;

  async function settle(nic: NicDevice): Promise<void> {
    await executor.advance(Number.POSITIVE_INFINITY, () => nic.wire?.done ?? true);
  }

  return {
    arrivals,
    turn(cpu) {
      runtimes[cpu]!.loop.turn();
    },
    ownerOf(buffer) {
      const pool = memory.u32[(pools.regions >> 2) + (buffer >>> 16)]!;
      return memory.u32[(pool + FRAME_POOL.cpu) >> 2]!;
    },
    used: () => allocator.used,
    now: () => executor.clock.now(),
    advance: (ns) => executor.advance(ns),
    settle,
    device(options = {}) {
      const parts = {
        memory,
        features,
        allocator,
        machine,
        tasks,
        pools,
        waitFor: executor.waitFor,
        startBacklogs: () => {},
      };
      return createNicDevice(parts, { name: 'eth0', ifindex: ifindex++, buffers: 1024, ...options });
    },
    async send(nic, source) {
      nic.start(source);
      await settle(nic);
    },
    end(nic) {
      const { total, home } = nic.buffers();
      expect([nic.pending(), home]).toEqual([0, total]);
      nic.close();
    },
  };
}
