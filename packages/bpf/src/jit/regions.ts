/**
 * The list of memory that a program may touch besides its stack, its context and its packet: map values, mostly.
 *
 *   count u32 | count times: start u32, length u32, writable u32
 *
 * It lies in the shared memory, where no program may write it, and is read at each access that is nothing else; the
 * owner may change it between runs. The guard goes through it in order (about 1 ns an entry): what is used most first.
 */
import type { Memory } from '@cpumap/smp';

export interface Region {
  readonly start: number;
  readonly length: number;
  readonly writable: boolean;
}

export const REGION_LIST = { count: 0, entries: 4, start: 0, size: 4, writable: 8, stride: 12 } as const;

/** Bytes of a list. */
export function regionListSize(regions: number): number {
  return REGION_LIST.entries + regions * REGION_LIST.stride;
}

/** `at` is a multiple of 4 with regionListSize bytes. */
export function writeRegionList({ u32 }: Memory, at: number, regions: readonly Region[]): void {
  u32[(at + REGION_LIST.count) >> 2] = regions.length;
  for (const [i, { start, length, writable }] of regions.entries()) {
    const entry = at + REGION_LIST.entries + i * REGION_LIST.stride;
    u32[(entry + REGION_LIST.start) >> 2] = start;
    u32[(entry + REGION_LIST.size) >> 2] = length;
    u32[(entry + REGION_LIST.writable) >> 2] = writable ? 1 : 0;
  }
}
