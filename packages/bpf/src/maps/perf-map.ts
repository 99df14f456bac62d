/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY, and the perf buffers that user space opens in it: one for each CPU, at the CPU's index. (On
 * Linux that is a perf event's descriptor and its mapped pages.)
 */

import type { Allocator, Memory } from '@cpumap/smp';
import { BPF_F_PRESERVE_ELEMS, BPF_MAP_TYPE } from '@cpumap/uapi';
import { BPF_MAP, type BpfMap, type MapType } from './bpf-map.ts';
import { fdArrayType } from './fd-array.ts';
import { handleOf } from './map-handle.ts';
import { refuse } from './map-refusal.ts';
import {
  PERF_BUFFER,
  PERF_BUFFER_BYTES,
  PERF_DATA_TAIL,
  PERF_LOST_COUNT_OFF,
  PERF_RAW_OFF,
  PERF_RECORD,
  PERF_RECORD_LOST,
} from './perf-layout.ts';
import { attachSharedBytes } from './shared-bytes.ts';

const PAGE_SIZE = 4096;

export interface PerfBufferOptions {
  readonly cpu: number;
  /** Room for records, in pages of 4096 bytes: a power of two. */
  readonly pages: number;
}

export interface PerfBuffer {
  readonly cpu: number;
  /**
   * Hands over what was written since, oldest first, and returns the number of samples. A sample's data are padded to
   * 8 n + 4 bytes, as the kernel pads them. `onLost` is told how many samples found no room before the next one.
   */
  consume(onSample: (data: Uint8Array) => void, onLost?: (count: number) => void): number;
  /** Takes the buffer out of the map and frees it. */
  close(): void;
}

export interface PerfMapParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly nrCpus: number;
  readonly synchronizeRcu: () => void;
}

interface PerfEventArrayType extends MapType {
  open(map: BpfMap, options: PerfBufferOptions): PerfBuffer;
}

export function perfMapTypes(parts: PerfMapParts): Map<number, MapType> {
  const { memory, allocator, nrCpus, synchronizeRcu } = parts;
  const { u16, u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const array = fdArrayType(parts, {
    get: () =>
      refuse('EBADF', 'BPF_MAP_UPDATE_ELEM', 'the engine has no perf events: open a buffer with openPerfBuffer'),
    put() {}, // the buffer is its reader's, who closes it
    flags: BPF_F_PRESERVE_ELEMS,
  });

  function open(map: BpfMap, { cpu, pages }: PerfBufferOptions): PerfBuffer {
    const call = 'openPerfBuffer';
    if (!(Number.isInteger(pages) && pages > 0 && Number.isInteger(Math.log2(pages)))) {
      refuse('EINVAL', call, `pages is ${pages}: a power of two is needed`);
    }
    if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < nrCpus)) refuse('ENODEV', call, `there is no CPU ${cpu}`);
    if (cpu >= map.info().maxEntries) refuse('E2BIG', call, `the map has no index ${cpu}`);
    const size = pages * PAGE_SIZE;
    const buffer = allocator.alloc(PERF_BUFFER_BYTES + 2 * size);
    const data = buffer + PERF_BUFFER_BYTES;
    u32[(buffer + PERF_BUFFER.cpu) >> 2] = cpu;
    u32[(buffer + PERF_BUFFER.data) >> 2] = data;
    u32[(buffer + PERF_BUFFER.mask) >> 2] = size - 1;
    const slot = (u32[(map.pointer + BPF_MAP.elements) >> 2]! >> 2) + cpu;
    const handle = handleOf(map, call);
    handle.hold();
    Atomics.store(i32, slot, buffer); // a buffer that was there before is no longer written to
    const headWord = (buffer + PERF_BUFFER.data_head) >> 2;
    const tailWord = (buffer + PERF_DATA_TAIL) >> 2;
    let closed = false;

    return {
      cpu,
      consume(onSample, onLost) {
        if (closed) refuse('EBADF', call, 'the buffer is closed');
        let n = 0;
        const head = Atomics.load(u32, headWord);
        for (let tail = u32[tailWord]!; tail !== head; ) {
          const at = data + (tail & (size - 1));
          const lost = u32[at >> 2] === PERF_RECORD_LOST ? u32[(at + PERF_LOST_COUNT_OFF) >> 2]! : 0;
          const sample = lost === 0 ? bytes.read(at + PERF_RAW_OFF, u32[(at + PERF_RECORD.raw_size) >> 2]!) : undefined;
          tail = (tail + u16[(at + PERF_RECORD.size) >> 1]!) >>> 0;
          Atomics.store(u32, tailWord, tail);
          if (sample === undefined) onLost?.(lost);
          else {
            n++;
            onSample(sample);
          }
        }
        return n;
      },
      close() {
        if (closed) return;
        closed = true;
        Atomics.compareExchange(i32, slot, buffer, 0);
        synchronizeRcu(); // a program may be writing to it
        allocator.free(buffer);
        handle.release();
      },
    };
  }

  const type: PerfEventArrayType = { ...array, open };
  return new Map([[BPF_MAP_TYPE.PERF_EVENT_ARRAY, type]]);
}

/**
 * Opens the buffer of a CPU at its index of the map.
 * @throws KernelError EINVAL, ENODEV, E2BIG, ENOMEM; EBADF for a closed map
 */
export function openPerfBuffer(map: BpfMap, options: PerfBufferOptions): PerfBuffer {
  const { type } = handleOf(map, 'openPerfBuffer');
  if (map.type !== BPF_MAP_TYPE.PERF_EVENT_ARRAY) {
    refuse('EINVAL', 'openPerfBuffer', `map ${map.id} is no perf event array`);
  }
  return (type as PerfEventArrayType).open(map, options);
}
