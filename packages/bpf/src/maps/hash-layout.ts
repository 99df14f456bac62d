/**
 * struct bpf_htab in the shared memory, for HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH and HASH_OF_MAPS.
 *
 * Elements are preallocated, also with BPF_F_NO_PREALLOC; one that is freed is used again at once, as the kernel's are.
 * An element is   fresh ──take──► owned ──link──► in a chain ──unlink──► owned ──give──► free ──take──► owned …
 * Only the CPU that owns an element writes it, except for values, which programs write where they found them.
 *
 * A chain's last `next` is no address but its bucket's number, odd (a nulls list): a lookup that followed an element into
 * another bucket sees that it did. `version` counts what left a bucket: a lookup that found nothing looks again if it
 * changed meanwhile. So nobody needs a lock to look, and nothing that was there all the time is ever missed.
 */

import { type Allocator, CACHELINE, type Memory } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';

export const HTAB = layout({
  buckets: 'u32',
  /** Number of buckets, a power of two, less one. */
  mask: 'u32',
  hashrnd: 'u32',
  /** 1 for the LRU types. */
  lru: 'u32',
  /** Address of the values of CPU 0, for per-CPU types; the others follow by `cpu_stride`. */
  percpu_values: 'u32',
  /** Where an element's own value begins. */
  value_off: 'u32',
  /** Elements that can be linked at the same time: max_entries. */
  capacity: 'u32',
  /** All elements, the extra ones too. */
  n_elems: 'u32',
  /** One element for each CPU and one for the host, to replace another without asking the free list. */
  extra_elems: 'u32',
});

/** The free list's cache line, after the rest. */
export const HTAB_FREE = layout({
  lock: 'u32',
  head: 'u32',
  /** How many elements were ever taken; those beyond were never touched. */
  fresh: 'u32',
  /** Where the clock's hand stands (LRU). */
  hand: 'u32',
});
export const HTAB_FREE_AT = CACHELINE;

export const BUCKET = layout({ head: 'u32', lock: 'u32', version: 'u32', pad: 'u32' });

export const HTAB_ELEM = layout({
  /** The next element of the chain, or the nulls that end it. */
  next: 'u32',
  hash: 'u32',
  /** Where the value lies; of a per-CPU type, the one of CPU 0. */
  value: 'u32',
  /** LRU: a program has looked at it since the clock's hand passed. */
  ref: 'u32',
  next_free: 'u32',
  pad: 'u32',
});
/** The key follows the head, the value the key, both at multiples of 8. */
export const KEY_OFF = HTAB_ELEM.sizeof;

export const round8 = (n: number): number => Math.ceil(n / 8) * 8;

export interface HtabSpec {
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly perCpu: boolean;
  readonly lru: boolean;
  readonly hashrnd: number;
  readonly nrCpus: number;
}

/** Allocates the state and the elements of a map whose head is set. @throws KernelError ENOMEM, nothing is kept */
export function allocHtab({ u32 }: Memory, allocator: Allocator, map: number, spec: HtabSpec): void {
  const { keySize, valueSize, maxEntries, perCpu, lru, hashrnd, nrCpus } = spec;
  const nBuckets = 2 ** Math.ceil(Math.log2(maxEntries));
  const extras = perCpu ? 0 : nrCpus + 1;
  const valueOff = KEY_OFF + round8(keySize);
  const elemSize = valueOff + (perCpu ? 0 : round8(valueSize));
  const stride = perCpu ? Math.ceil((round8(valueSize) * maxEntries) / CACHELINE) * CACHELINE : 0;

  const blocks: number[] = [];
  const alloc = (size: number): number => {
    const block = allocator.alloc(size);
    blocks.push(block);
    return block;
  };
  try {
    const htab = alloc(2 * CACHELINE + 4 * extras);
    const set = (field: number, value: number): void => {
      u32[(htab + field) >> 2] = value;
    };
    const buckets = alloc(nBuckets * BUCKET.sizeof);
    const elements = alloc((maxEntries + extras) * elemSize);
    const values = perCpu ? alloc(stride * nrCpus) : 0;
    set(HTAB.buckets, buckets);
    set(HTAB.mask, nBuckets - 1);
    set(HTAB.hashrnd, hashrnd);
    set(HTAB.lru, lru ? 1 : 0);
    set(HTAB.percpu_values, values);
    set(HTAB.value_off, valueOff);
    set(HTAB.capacity, maxEntries);
    set(HTAB.n_elems, maxEntries + extras);
    set(HTAB.extra_elems, htab + 2 * CACHELINE);
    for (let i = 0; i < nBuckets; i++) u32[(buckets + i * BUCKET.sizeof) >> 2] = (i << 1) | 1;
    for (let i = 0; i < extras; i++) {
      const element = elements + (maxEntries + i) * elemSize;
      u32[(htab + 2 * CACHELINE + 4 * i) >> 2] = element;
      u32[(element + HTAB_ELEM.value) >> 2] = element + valueOff;
    }
    u32[(map + BPF_MAP.elements) >> 2] = elements;
    u32[(map + BPF_MAP.element_size) >> 2] = elemSize;
    u32[(map + BPF_MAP.cpu_stride) >> 2] = stride;
    u32[(map + BPF_MAP.state) >> 2] = htab;
  } catch (error) {
    for (const block of blocks) allocator.free(block);
    throw error;
  }
}

export function freeHtab({ u32 }: Memory, allocator: Allocator, map: number): void {
  const htab = u32[(map + BPF_MAP.state) >> 2]!;
  const values = u32[(htab + HTAB.percpu_values) >> 2]!;
  if (values !== 0) allocator.free(values);
  allocator.free(u32[(map + BPF_MAP.elements) >> 2]!);
  allocator.free(u32[(htab + HTAB.buckets) >> 2]!);
  allocator.free(htab);
}
