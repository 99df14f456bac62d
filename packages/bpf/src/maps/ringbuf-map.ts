/**
 * BPF_MAP_TYPE_RINGBUF as user space has it: created like a map, read like a ring. One consumer, the thread that opened it.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import {
  BPF_F_NUMA_NODE,
  BPF_MAP_TYPE,
  BPF_RINGBUF_BUSY_BIT,
  BPF_RINGBUF_DISCARD_BIT,
  BPF_RINGBUF_HDR_SZ,
} from '@cpumap/uapi';
import { BPF_MAP, type BpfMap, type MapType } from './bpf-map.ts';
import { handleOf } from './map-handle.ts';
import { refuse } from './map-refusal.ts';
import { RINGBUF, RINGBUF_BYTES, RINGBUF_CONSUMER_POS } from './ringbuf-layout.ts';
import { attachSharedBytes } from './shared-bytes.ts';

const PAGE_SIZE = 4096;

export function ringbufMapTypes({ u32 }: Memory, allocator: Allocator): Map<number, MapType> {
  const unsupported = (command: string) => (): never =>
    refuse('ENOTSUPP', command, 'a ring buffer has no elements: open it with openRingBuffer');

  const type: MapType = {
    allocCheck({ keySize, valueSize, maxEntries, flags }) {
      // mirrors ringbuf_map_alloc
      const powerOfTwo = maxEntries > 0 && Number.isInteger(Math.log2(maxEntries));
      if (
        (flags & ~BPF_F_NUMA_NODE) !== 0 ||
        keySize !== 0 ||
        valueSize !== 0 ||
        !powerOfTwo ||
        maxEntries < PAGE_SIZE
      ) {
        const what = 'no key, no value, no flag but BPF_F_NUMA_NODE';
        refuse('EINVAL', 'BPF_MAP_CREATE', `a ring buffer has ${what}; max_entries is a power of two, a page or more`);
      }
    },
    alloc(map, { maxEntries }) {
      const data = allocator.alloc(2 * maxEntries);
      let ring: number;
      try {
        ring = allocator.alloc(RINGBUF_BYTES);
      } catch (error) {
        allocator.free(data);
        throw error;
      }
      u32[(ring + RINGBUF.mask) >> 2] = maxEntries - 1;
      u32[(ring + RINGBUF.data) >> 2] = data;
      u32[(map + BPF_MAP.elements) >> 2] = data;
      u32[(map + BPF_MAP.state) >> 2] = ring;
    },
    lookup: unsupported('BPF_MAP_LOOKUP_ELEM'),
    update: unsupported('BPF_MAP_UPDATE_ELEM'),
    delete: unsupported('BPF_MAP_DELETE_ELEM'),
    getNextKey: unsupported('BPF_MAP_GET_NEXT_KEY'),
    free(map) {
      allocator.free(u32[(map + BPF_MAP.elements) >> 2]!);
      allocator.free(u32[(map + BPF_MAP.state) >> 2]!);
    },
  };
  return new Map([[BPF_MAP_TYPE.RINGBUF, type]]);
}

export interface RingBuffer {
  /**
   * Hands the records that are ready to `callback`, oldest first, and returns how many they were. It stops at a record
   * that a program still writes. What the callback gets is a copy; if it throws, its record is consumed.
   */
  consume(callback: (record: Uint8Array) => void): number;
  /** Whether there is anything in the ring, as epoll would say: also a record that is still being written. */
  poll(): boolean;
}

/** @throws KernelError EINVAL for other types, EBADF for a closed map */
export function openRingBuffer(map: BpfMap): RingBuffer {
  const handle = handleOf(map, 'openRingBuffer');
  if (map.type !== BPF_MAP_TYPE.RINGBUF) refuse('EINVAL', 'openRingBuffer', `map ${map.id} is no ring buffer`);
  const { memory } = handle;
  const { u32 } = memory;
  const bytes = attachSharedBytes(memory);
  const ring = u32[(map.pointer + BPF_MAP.state) >> 2]!;
  const mask = u32[(ring + RINGBUF.mask) >> 2]!;
  const data = u32[(ring + RINGBUF.data) >> 2]!;
  const producerWord = (ring + RINGBUF.producer_pos) >> 2;
  const consumerWord = (ring + RINGBUF_CONSUMER_POS) >> 2;

  return {
    consume(callback) {
      handleOf(map, 'openRingBuffer');
      let n = 0;
      for (let at = u32[consumerWord]!; at !== Atomics.load(u32, producerWord); ) {
        const header = data + (at & mask);
        const len = Atomics.load(u32, header >> 2);
        if (len >= BPF_RINGBUF_BUSY_BIT) break;
        const size = len % BPF_RINGBUF_DISCARD_BIT;
        const record = len < BPF_RINGBUF_DISCARD_BIT ? bytes.read(header + BPF_RINGBUF_HDR_SZ, size) : undefined;
        at = (at + ((size + BPF_RINGBUF_HDR_SZ + 7) & ~7)) >>> 0;
        Atomics.store(u32, consumerWord, at);
        if (record === undefined) continue;
        n++;
        callback(record);
      }
      return n;
    },
    poll() {
      handleOf(map, 'openRingBuffer');
      return Atomics.load(u32, producerWord) !== u32[consumerWord];
    },
  };
}
