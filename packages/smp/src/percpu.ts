/** Per-CPU data: one block for each CPU, on cache lines of its own. */
import { type Allocator, CACHELINE } from './allocator.ts';

/** Where the blocks lie; plain data. The block of CPU n is at `at + n * stride`. */
export interface PercpuAt {
  readonly at: number;
  readonly stride: number;
}

export function createPercpu(allocator: Allocator, nrCpus: number, bytes: number): PercpuAt {
  const stride = Math.ceil(bytes / CACHELINE) * CACHELINE;
  return { at: allocator.alloc(nrCpus * stride), stride };
}

export function percpu({ at, stride }: PercpuAt, cpu: number): number {
  return at + cpu * stride;
}
