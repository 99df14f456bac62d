/**
 * The blueprint of a host: where everything lies in the shared memory, as plain data that a CPU's thread is started with.
 * The host thread makes it once; it never changes.
 */

import { JIT_STACK_SIZE, MAP_OPS_BYTES } from '@cpumap/bpf';
import { type CpuMapAt, createCpuMap } from '@cpumap/cpumap';
import { createDevMap, type DevMapAt } from '@cpumap/devmap';
import {
  createFramePools,
  createNetDevice,
  createRps,
  type FramePoolsAt,
  type RpsAt,
  STACK_COUNTERS,
  XDP_BUFF,
} from '@cpumap/skb';
import { type Allocator, createMachine, createPercpu, type MachineAt, type Memory, type PercpuAt } from '@cpumap/smp';
import { createTraceArea, type TraceAreaAt } from '@cpumap/tracepoints';
import { type Features, featuresOf, type Release } from '@cpumap/uapi';
import { createXdp, type XdpAt } from '@cpumap/xdp';
import { createProbes, type ProbesAt } from './probe/probe-area.ts';

/** The task kind of RPS backlogs, behind CPUMAP_KTHREAD and NAPI_TASK in a CPU's list. */
const BACKLOG_TASK = 2;

export const LOOPBACK_IFINDEX = 1; // on every Linux

export interface Blueprint {
  readonly release: Release;
  readonly seed: number;
  /** CLOCK_MONOTONIC when the host was made: time 0 of the machine's clock. */
  readonly startNs: bigint;
  /** Nanoseconds since 1970 at that moment; 0 on virtual machines, whose runs repeat themselves. */
  readonly epochNs: number;
  readonly machine: MachineAt;
  readonly trace: TraceAreaAt;
  readonly pools: FramePoolsAt;
  readonly xdp: XdpAt;
  readonly devmap: DevMapAt;
  readonly cpumap: CpuMapAt;
  readonly rps: RpsAt;
  /** Scratch memory of the operations that programs do on maps. */
  readonly mapOps: PercpuAt;
  readonly stackCounters: PercpuAt;
  /** STACK_COUNTERS of the frames that tapped devices send. */
  readonly tapCounters: PercpuAt;
  readonly napiBuff: PercpuAt;
  /** struct net_device of lo: what test runs receive from. It has no queues and sends nothing. */
  readonly loopback: number;
  /** The stack of tracing programs: one at a time, and none while an XDP program runs on that CPU. */
  readonly tracingStack: PercpuAt;
  /** Only on hosts that can have probes. */
  readonly probes: ProbesAt | undefined;
}

export interface BlueprintOptions {
  readonly release: Release;
  readonly seed: number;
  readonly cpus: number;
  readonly traceRecords: number;
  readonly epochNs: number;
  readonly probes: boolean;
}

export function createBlueprint(memory: Memory, allocator: Allocator, options: BlueprintOptions): Blueprint {
  const { release, seed, cpus, traceRecords, epochNs } = options;
  return {
    release,
    seed,
    startNs: process.hrtime.bigint(),
    epochNs,
    machine: createMachine(allocator, cpus),
    trace: createTraceArea(allocator, cpus, traceRecords),
    pools: createFramePools(memory, allocator, cpus),
    xdp: createXdp(allocator, cpus),
    devmap: createDevMap(allocator, cpus),
    cpumap: createCpuMap(allocator, cpus),
    rps: createRps(memory, allocator, cpus, BACKLOG_TASK),
    mapOps: createPercpu(allocator, cpus, MAP_OPS_BYTES),
    stackCounters: createPercpu(allocator, cpus, STACK_COUNTERS.sizeof),
    tapCounters: createPercpu(allocator, cpus, STACK_COUNTERS.sizeof),
    loopback: createNetDevice(memory, allocator, {
      ifindex: LOOPBACK_IFINDEX,
      address: new Uint8Array(6),
      maxFrame: 65_550,
    }),
    napiBuff: createPercpu(allocator, cpus, XDP_BUFF.sizeof),
    tracingStack: createPercpu(allocator, cpus, JIT_STACK_SIZE),
    probes: options.probes ? createProbes(allocator, cpus) : undefined,
  };
}

export function blueprintFeatures(blueprint: Blueprint): Features {
  return featuresOf(blueprint.release);
}
