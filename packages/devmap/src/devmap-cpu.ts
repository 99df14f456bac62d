/** Redirects to devices on one CPU, put together, and where their per-CPU data lies. */
import type { ProgramInstance } from '@cpumap/bpf';
import { type FramePools, type FramePoolsAt, XDP_BUFF, type XdpFrames } from '@cpumap/skb';
import { type Allocator, CACHELINE, createPercpu, type Memory, type PercpuAt, percpu } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import type { Features } from '@cpumap/uapi';
import { attachBulkQueues, type XdpXmit } from './bulk-queue.ts';
import { attachClones, createClonePool } from './clones.ts';
import { DEVMAP_COUNTERS } from './counters.ts';
import { DEV_BULK_QUEUE_BYTES } from './entry.ts';
import { attachDevMapTargets, type GenericXmit } from './target.ts';

/** Words of the cache line that begins with the flush list. */
const CLONE_POOL = 4;
const SCRATCH = 8;

/** Plain data. */
export interface DevMapAt {
  readonly counters: PercpuAt;
  readonly flushList: PercpuAt;
  readonly buff: PercpuAt;
}

export function createDevMap(allocator: Allocator, nrCpus: number): DevMapAt {
  return {
    counters: createPercpu(allocator, nrCpus, DEVMAP_COUNTERS.sizeof),
    flushList: createPercpu(allocator, nrCpus, CACHELINE),
    buff: createPercpu(allocator, nrCpus, XDP_BUFF.sizeof),
  };
}

/** The bulk queues of a device, one for each CPU: what `xdp_bulkq` of its NET_DEVICE points to. */
export function createDeviceBulkQueues(allocator: Allocator, nrCpus: number): number {
  return allocator.alloc(nrCpus * DEV_BULK_QUEUE_BYTES);
}

export interface DevMapCpuParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly frames: XdpFrames;
  readonly pools: FramePools;
  readonly features: Features;
  readonly tracepoints: Tracepoints;
  readonly xmit: XdpXmit;
  readonly genericXmit: GenericXmit;
  readonly freeSkb: (skb: number) => void;
  readonly program: (id: number) => ProgramInstance;
  readonly onProgramError: (progId: number, error: unknown) => void;
}

/** Makes the buffers of broadcasts' copies, once. Host thread. @throws KernelError ENOMEM */
export function createClonePools(
  memory: Memory,
  allocator: Allocator,
  { pools, devmap, nrCpus }: { readonly pools: FramePoolsAt; readonly devmap: DevMapAt; readonly nrCpus: number },
): void {
  for (let cpu = 0; cpu < nrCpus; cpu++) {
    const word = (percpu(devmap.flushList, cpu) + CLONE_POOL) >> 2;
    if (memory.u32[word] === 0) memory.u32[word] = createClonePool(memory, allocator, pools, cpu, nrCpus);
  }
}

export function attachDevMap(parts: DevMapCpuParts, at: DevMapAt) {
  const { memory, cpu, pools } = parts;
  const counters = percpu(at.counters, cpu);
  const bulkQueues = attachBulkQueues({
    ...parts,
    counters,
    buff: percpu(at.buff, cpu),
    flushList: percpu(at.flushList, cpu),
  });
  const words = percpu(at.flushList, cpu);
  const clones = attachClones({ memory, pools, poolWord: words + CLONE_POOL, scratch: words + SCRATCH, counters });
  return attachDevMapTargets({ ...parts, bulkQueues, clones, counters });
}
