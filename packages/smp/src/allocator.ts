/**
 * Allocation in the shared memory.
 *
 * Owner  the host thread alone: CPUs never allocate, they use what was set up for them.
 * A block is  free ──alloc──► used ──free──► free; memory is zero when handed out.
 * Sizes are rounded up to a class (four classes per power of two), so that objects of many sizes that come and go for
 * ever, ring entries above all, reuse each other's room; at most a quarter of a block is padding.
 */
import { KernelError } from '@cpumap/uapi';
import type { Memory } from './memory.ts';

export const CACHELINE = 64;
const FIRST = 64 * 1024; // the NULL page

export interface Allocator {
  /** Zeroed bytes at a multiple of `align` (a power of two, 64 or more). @throws KernelError ENOMEM */
  alloc(size: number, align?: number): number;
  /** Gives a block back. The pointer must come from `alloc` and nobody may use it any more. */
  free(pointer: number): void;
  /** Bytes in use, padding included. */
  readonly used: number;
}

/** Rounds up to the next of 1, 1.25, 1.5, 1.75 times a power of two, at least one cache line. */
export function sizeClass(size: number): number {
  if (size <= 4 * CACHELINE) return Math.max(CACHELINE, Math.ceil(size / CACHELINE) * CACHELINE);
  const quarter = 2 ** (Math.floor(Math.log2(size - 1)) - 2);
  return Math.ceil(size / quarter) * quarter;
}

export function createAllocator(memory: Memory): Allocator {
  const freeBlocks = new Map<string, number[]>(); // by class and alignment
  const blocks = new Map<number, { size: number; key: string }>();
  let top = FIRST;
  let used = 0;

  return {
    get used() {
      return used;
    },
    alloc(wanted, align = CACHELINE) {
      const size = sizeClass(wanted);
      const key = `${size}/${align}`;
      let pointer = freeBlocks.get(key)?.pop();
      if (pointer === undefined) {
        pointer = Math.ceil(top / align) * align;
        if (pointer + size > memory.bytes) {
          throw new KernelError('ENOMEM', 'alloc', {
            hint: `${wanted} bytes asked, ${memory.bytes - top} of ${memory.bytes} are left: give the host more memory`,
          });
        }
        top = pointer + size;
      } else {
        memory.u8.fill(0, pointer, pointer + size);
      }
      blocks.set(pointer, { size, key });
      used += size;
      return pointer;
    },
    free(pointer) {
      const block = blocks.get(pointer);
      if (block === undefined) throw new RangeError(`free of ${pointer}, which is not an allocated block`);
      blocks.delete(pointer);
      used -= block.size;
      const list = freeBlocks.get(block.key);
      if (list === undefined) freeBlocks.set(block.key, [pointer]);
      else list.push(pointer);
    },
  };
}
