/** cpumap on one CPU, put together: the redirect target that it registers, and the kind of task that its kthreads are. */

import { type FramePools, type NetifReceive, type Rps, type SkBuffs, XDP_BUFF, type XdpFrames } from '@cpumap/skb';
import {
  type Allocator,
  attachPtrRings,
  createPercpu,
  type Memory,
  type PercpuAt,
  type PtrRings,
  percpu,
  type TaskKind,
  type Tasks,
} from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import type { Features } from '@cpumap/uapi';
import type { RedirectTarget, Xdp } from '@cpumap/xdp';
import { attachBulkQueues } from './bulk-queue.ts';
import { CPUMAP_COUNTERS } from './counters.ts';
import { attachCpuMapTarget } from './enqueue.ts';
import { BULKQ_BYTES } from './entry.ts';
import { attachCpuMapKthread } from './kthread.ts';
import { attachProgramStage } from './program-stage.ts';

/** Where cpumap's per-CPU data lies; plain data. */
export interface CpuMapAt {
  readonly counters: PercpuAt;
  readonly flushList: PercpuAt;
  /** Two cache lines: a batch of pointers and the sk_buffs among them. */
  readonly batch: PercpuAt;
  readonly buff: PercpuAt;
}

export function createCpuMap(allocator: Allocator, nrCpus: number): CpuMapAt {
  return {
    counters: createPercpu(allocator, nrCpus, CPUMAP_COUNTERS.sizeof),
    flushList: createPercpu(allocator, nrCpus, BULKQ_BYTES),
    batch: createPercpu(allocator, nrCpus, 2 * BULKQ_BYTES),
    buff: createPercpu(allocator, nrCpus, XDP_BUFF.sizeof),
  };
}

export interface CpuMapCpuParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly nrCpus: number;
  readonly features: Features;
  readonly tasks: Tasks;
  readonly tracepoints: Tracepoints;
  readonly frames: XdpFrames;
  readonly pools: FramePools;
  readonly skbs: SkBuffs;
  readonly stack: NetifReceive;
  /** Takes what GRO made; a stack alone will do where there is no RPS. */
  readonly rps: Pick<Rps, 'receiveList'>;
  /** Instead of plain ones, for whoever looks at frames as they pass. */
  readonly rings?: PtrRings;
}

/** cpumap's two sides on a CPU: where redirects go, and what its kthreads are. */
export interface CpuMapCpu {
  readonly target: RedirectTarget;
  /** The kind of its kthreads; they run second programs through this CPU's XDP. */
  kthreadKind(xdp: Xdp): TaskKind;
}

export function attachCpuMap(cpuParts: CpuMapCpuParts, at: CpuMapAt): CpuMapCpu {
  const { memory, cpu } = cpuParts;
  const parts = { ...cpuParts, rings: cpuParts.rings ?? attachPtrRings(memory), counters: percpu(at.counters, cpu) };
  const bulkQueues = attachBulkQueues(parts);
  return {
    target: attachCpuMapTarget({ ...parts, bulkQueues, flushList: percpu(at.flushList, cpu) }),
    kthreadKind(xdp) {
      const programStage = attachProgramStage({ ...parts, xdp, buff: percpu(at.buff, cpu) });
      return attachCpuMapKthread({ ...parts, bulkQueues, programStage, batch: percpu(at.batch, cpu) });
    },
  };
}
