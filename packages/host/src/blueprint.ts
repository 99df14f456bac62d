/**
 * The blueprint of a host: where everything lies in the shared memory, as plain data that a CPU's thread is started with.
 * The host thread makes it once; it never changes.
 */

import { type CpuMapAt, createCpuMap } from '@cpumap/cpumap';
import { createFramePools, type FramePoolsAt, STACK_COUNTERS, XDP_BUFF } from '@cpumap/skb';
import { type Allocator, createMachine, createPercpu, type MachineAt, type Memory, type PercpuAt } from '@cpumap/smp';
import { createTraceArea, type TraceAreaAt } from '@cpumap/tracepoints';
import { type Features, featuresOf, type Release } from '@cpumap/uapi';
import { createXdp, type XdpAt } from '@cpumap/xdp';

export interface Blueprint {
  readonly release: Release;
  readonly seed: number;
  /** CLOCK_MONOTONIC when the host was made: time 0 of the machine's clock. */
  readonly startNs: bigint;
  readonly machine: MachineAt;
  readonly trace: TraceAreaAt;
  readonly pools: FramePoolsAt;
  readonly xdp: XdpAt;
  readonly cpumap: CpuMapAt;
  readonly stackCounters: PercpuAt;
  readonly napiBuff: PercpuAt;
}

export interface BlueprintOptions {
  readonly release: Release;
  readonly seed: number;
  readonly cpus: number;
  readonly traceRecords: number;
}

export function createBlueprint(memory: Memory, allocator: Allocator, options: BlueprintOptions): Blueprint {
  const { release, seed, cpus, traceRecords } = options;
  return {
    release,
    seed,
    startNs: process.hrtime.bigint(),
    machine: createMachine(allocator, cpus),
    trace: createTraceArea(allocator, cpus, traceRecords),
    pools: createFramePools(memory, allocator, cpus),
    xdp: createXdp(allocator, cpus),
    cpumap: createCpuMap(allocator, cpus),
    stackCounters: createPercpu(allocator, cpus, STACK_COUNTERS.sizeof),
    napiBuff: createPercpu(allocator, cpus, XDP_BUFF.sizeof),
  };
}

export function blueprintFeatures(blueprint: Blueprint): Features {
  return featuresOf(blueprint.release);
}
