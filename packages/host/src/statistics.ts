/**
 * Statistics: all counters of a host at one moment, read without disturbing any CPU. While CPUs run, counters that belong
 * together may be a few frames apart.
 */

import { CPUMAP_COUNTERS } from '@cpumap/cpumap';
import { DEVMAP_COUNTERS } from '@cpumap/devmap';
import { STACK_COUNTERS } from '@cpumap/skb';
import type { Memory, PercpuAt } from '@cpumap/smp';
import { percpu } from '@cpumap/smp';
import { readTraceCounters, type TraceCounters } from '@cpumap/tracepoints';
import { XDP_COUNTERS } from '@cpumap/xdp';
import type { Blueprint } from './blueprint.ts';

type Counts<T> = Readonly<Record<Exclude<keyof T, 'sizeof'>, number>>;

/** The counters of one CPU, by layer. */
export interface CpuStatistics {
  readonly cpu: number;
  readonly xdp: Counts<typeof XDP_COUNTERS>;
  readonly trace: TraceCounters;
  readonly cpumap: Counts<typeof CPUMAP_COUNTERS>;
  readonly devmap: Counts<typeof DEVMAP_COUNTERS>;
  readonly stack: Counts<typeof STACK_COUNTERS>;
}

/** Counters of one device: ethtool's names, then per queue. */
export interface DeviceStatistics {
  readonly name: string;
  readonly counters: Readonly<Record<string, number>>;
}

export interface Statistics {
  /** Nanoseconds on the machine's clock. */
  readonly timestampNs: number;
  readonly devices: readonly DeviceStatistics[];
  readonly cpus: readonly CpuStatistics[];
}

function readCounters<T extends { readonly sizeof: number }>(
  { f64 }: Memory,
  layout: T,
  at: PercpuAt,
  cpu: number,
): Counts<T> {
  const base = percpu(at, cpu);
  const fields = Object.entries(layout).filter(([name]) => name !== 'sizeof');
  return Object.fromEntries(fields.map(([name, offset]) => [name, f64[(base + offset) >> 3]!])) as Counts<T>;
}

export function readCpuStatistics(memory: Memory, blueprint: Blueprint, cpu: number): CpuStatistics {
  return {
    cpu,
    xdp: readCounters(memory, XDP_COUNTERS, blueprint.xdp.counters, cpu),
    trace: readTraceCounters(memory, blueprint.trace, cpu),
    cpumap: readCounters(memory, CPUMAP_COUNTERS, blueprint.cpumap.counters, cpu),
    devmap: readCounters(memory, DEVMAP_COUNTERS, blueprint.devmap.counters, cpu),
    stack: readCounters(memory, STACK_COUNTERS, blueprint.stackCounters, cpu),
  };
}

/** The sum of one counter over all CPUs. */
export function total(statistics: Statistics, read: (cpu: CpuStatistics) => number): number {
  return statistics.cpus.reduce((sum, cpu) => sum + read(cpu), 0);
}
