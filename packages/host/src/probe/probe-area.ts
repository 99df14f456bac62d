/**
 * Where probes lie in the shared memory: one area for all, and for each probe a ring of records per CPU.
 *
 * Owner   the host makes and frees probes. Each CPU writes its own rings, alone; the host is their only reader.
 * `state` says which hooks anybody listens to (bits) and, above them, how often that changed. A CPU that sees another
 *         value than last time reads the list of probes again; 0 is that there never was one.
 * A ring  takes records of any size, each in one piece. `head` and `tail` count bytes for ever, modulo 2^32. The CPU writes
 *         a record and then stores `head`; the host reads and then stores `tail`. What does not fit is counted in `lost`
 *         and nothing is overwritten.
 */
import { type Allocator, CACHELINE, createPercpu, type PercpuAt } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';
import type { ProbeFilter } from './filter.ts';

export const PROBES = layout({
  state: 'u32',
  list: 'u32', // address of the list of probes: its length in bytes, then JSON
});
/** Bits of `state` that are hooks; a change is counted from the next bit on. */
export const HOOK_BITS = 0xff;
export const ONE_CHANGE = 0x100;

export const MAX_SNAPLEN = 65_535;
/** Frames are put together here, one while a program or redirect is under way and one for all that happens within it. */
export const SCRATCH_BYTES = Math.ceil((MAX_SNAPLEN + 16) / CACHELINE) * CACHELINE;

export interface ProbesAt {
  readonly area: number;
  readonly scratch: PercpuAt;
}

export function createProbes(allocator: Allocator, nrCpus: number): ProbesAt {
  return { area: allocator.alloc(PROBES.sizeof), scratch: createPercpu(allocator, nrCpus, 2 * SCRATCH_BYTES) };
}

export const RING_HEAD = 0;
export const RING_TAIL = CACHELINE;
export const RING_LOST = 4;
export const RING_RECORDS = 2 * CACHELINE;

/** One probe as CPUs read it from the list. */
export interface ProbeEntry {
  readonly id: number;
  /** Indexes of HOOKS. */
  readonly hooks: readonly number[];
  readonly every: number;
  readonly snaplen: number;
  readonly rings: PercpuAt;
  /** Bytes of records in each ring, a power of two. */
  readonly ringBytes: number;
  readonly filter: ProbeFilter;
}

/** A record; the frame's bytes follow, and the next record at a multiple of 16. */
export const PROBE_RECORD = layout({
  size: 'u32', // of all of it; SKIP: the ring goes on at its beginning
  hook: 'u32',
  timestamp: 'f64',
  frame: 'u32', // address of its buffer
  ifindex: 'u32',
  queue: 'u32', // this and the following: NONE where nobody knows, or where it does not apply
  prog_id: 'u32',
  verdict: 'u32',
  reason: 'u32',
  to: 'u32',
  map_id: 'u32',
  position: 'u32',
  of: 'u32',
  slot: 'u32',
  frames: 'u32',
  length: 'u32',
  captured: 'u32',
  lost: 'u32', // how many its ring had lost before it
});
export const RECORD_BYTES = Math.ceil(PROBE_RECORD.sizeof / 16) * 16;
export const SKIP = 0xffffffff;
export const NONE = 0xffffffff;
