/**
 * struct bpf_cpu_map_entry: one remote CPU of a map, with its ring, its kthread and a bulk queue for every CPU that may
 * redirect to it. All in the shared memory.
 *
 * Owner  the host thread makes and frees it. Redirecting CPUs reach it through the map's slot, its kthread directly.
 * An entry is  ALLOCATED ──slot swapped in──► LIVE ──slot swapped out──► UNPUBLISHED ──grace period──► STOPPING
 *              ──kthread drained and left──► DEAD ──► freed
 * Allowed  redirecting CPUs may still use an UNPUBLISHED entry until their poll ends; its kthread drains to the end.
 * Prohibited  freeing before the kthread has left; stopping before the grace period is over (a frame could come after
 *             the last look into the ring).
 */

import { GRO_NODE_BYTES } from '@cpumap/skb';
import {
  type Allocator,
  attachPtrRings,
  CACHELINE,
  createTask,
  type Memory,
  ptrRingBytes,
  TASK_EXITED,
  type Tasks,
} from '@cpumap/smp';
import { type Features, KernelError, layout } from '@cpumap/uapi';

export const CPU_MAP_ENTRY = layout({
  cpu: 'u32',
  map_id: 'u32',
  qsize: 'u32',
  prog_id: 'u32', // 0 without a second program
  bulkq: 'u32', // one XDP_BULK_QUEUE per CPU, BULKQ_BYTES apart
  queue: 'u32', // its ptr_ring
  kthread: 'u32', // its task
  pid: 'u32', // of the kthread, for trace records
  gro: 'u32', // its gro_node
  gro_packets: 'u32', // taken from the ring since GRO was flushed
});

/** Frames gathered on one CPU for one entry. */
export const CPU_MAP_BULK_SIZE = 8;
export const XDP_BULK_QUEUE = layout({
  q0: 'u32', // eight pointers
  q1: 'u32',
  q2: 'u32',
  q3: 'u32',
  q4: 'u32',
  q5: 'u32',
  q6: 'u32',
  q7: 'u32',
  count: 'u32',
  next: 'u32', // links of this CPU's flush list
  prev: 'u32', // 0 when it is not on the list
  obj: 'u32', // the entry
});
export const BULKQ_BYTES = CACHELINE;

/** The task kind of cpumap's kthreads, an index into a CPU's kinds. */
export const CPUMAP_KTHREAD = 0;

export interface EntryParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly nrCpus: number;
  readonly features: Features;
}

export interface EntryOptions {
  readonly cpu: number;
  readonly mapId: number;
  readonly qsize: number;
  readonly progId: number;
  readonly pid: number;
}

/** Allocates an entry that nobody sees yet. @throws KernelError ENOMEM, with nothing left behind */
export function allocEntry({ memory, allocator, nrCpus }: EntryParts, options: EntryOptions): number {
  const { u32 } = memory;
  const blocks: number[] = [];
  const take = (bytes: number): number => {
    const block = allocator.alloc(bytes);
    blocks.push(block);
    return block;
  };
  try {
    const entry = take(CPU_MAP_ENTRY.sizeof);
    const bulkq = take(nrCpus * BULKQ_BYTES);
    const queue = take(ptrRingBytes(options.qsize));
    const gro = take(GRO_NODE_BYTES);
    attachPtrRings(memory).init(queue, options.qsize);
    for (let cpu = 0; cpu < nrCpus; cpu++) u32[(bulkq + cpu * BULKQ_BYTES + XDP_BULK_QUEUE.obj) >> 2] = entry;
    u32[(entry + CPU_MAP_ENTRY.cpu) >> 2] = options.cpu;
    u32[(entry + CPU_MAP_ENTRY.map_id) >> 2] = options.mapId;
    u32[(entry + CPU_MAP_ENTRY.qsize) >> 2] = options.qsize;
    u32[(entry + CPU_MAP_ENTRY.prog_id) >> 2] = options.progId;
    u32[(entry + CPU_MAP_ENTRY.bulkq) >> 2] = bulkq;
    u32[(entry + CPU_MAP_ENTRY.queue) >> 2] = queue;
    u32[(entry + CPU_MAP_ENTRY.pid) >> 2] = options.pid;
    u32[(entry + CPU_MAP_ENTRY.gro) >> 2] = gro;
    u32[(entry + CPU_MAP_ENTRY.kthread) >> 2] = createTask(memory, allocator, CPUMAP_KTHREAD, entry, options.cpu);
    return entry;
  } catch (cause) {
    for (const block of blocks) allocator.free(block);
    throw new KernelError('ENOMEM', 'bpf(BPF_MAP_UPDATE_ELEM)', {
      hint: `no memory for a ring of ${options.qsize} frames: use shorter rings or give the host more memory`,
      cause,
    });
  }
}

/** Frees a DEAD entry. */
export function freeEntry({ memory, allocator }: EntryParts, entry: number): void {
  const { u32 } = memory;
  allocator.free(u32[(entry + CPU_MAP_ENTRY.kthread) >> 2]!);
  allocator.free(u32[(entry + CPU_MAP_ENTRY.queue) >> 2]!);
  allocator.free(u32[(entry + CPU_MAP_ENTRY.bulkq) >> 2]!);
  allocator.free(u32[(entry + CPU_MAP_ENTRY.gro) >> 2]!);
  allocator.free(entry);
}

export function entryTask(memory: Memory, entry: number): number {
  return memory.u32[(entry + CPU_MAP_ENTRY.kthread) >> 2]!;
}

export function isDead(memory: Memory, tasks: Tasks, entry: number): boolean {
  return tasks.state(entryTask(memory, entry)) === TASK_EXITED;
}

/** The name of an entry's kthread, the same in every release. */
export function kthreadName(cpu: number, mapId: number): string {
  return `cpumap/${cpu}/map:${mapId}`;
}
