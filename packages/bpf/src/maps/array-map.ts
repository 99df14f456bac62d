/**
 * BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY as user space sees them: values in the shared memory that never move,
 * so a program may hold their addresses. User space reads and writes a per-CPU value as one value per CPU, each rounded
 * up to 8 bytes. The program's side is in `array-ops.ts`.
 */

import { type Allocator, CACHELINE, type Memory } from '@cpumap/smp';
import {
  BPF_ANY,
  BPF_EXIST,
  BPF_F_INNER_MAP,
  BPF_F_LOCK,
  BPF_F_MMAPABLE,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  BPF_MAP_TYPE,
  BPF_NOEXIST,
} from '@cpumap/uapi';
import { accessOk, nextIndex } from './array-index.ts';
import { BPF_MAP, type MapType } from './bpf-map.ts';
import { genericLookupBatch, genericUpdateBatch } from './map-batch.ts';
import { u32Of } from './map-key.ts';
import { refuse } from './map-refusal.ts';
import { attachMapValues } from './map-value.ts';
import { attachSharedBytes } from './shared-bytes.ts';

const PCPU_MIN_UNIT_SIZE = 32 * 1024;
const INT_MAX = 0x7fffffff;
const ACCESS = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;

/** The two array types of a machine with `nrCpus` CPUs, for the host's registry. */
export function arrayMapTypes(memory: Memory, allocator: Allocator, nrCpus: number): Map<number, MapType> {
  const { u32 } = memory;
  const bytes = attachSharedBytes(memory);
  const values = attachMapValues(memory);
  const read = (map: number, field: number): number => u32[(map + field) >> 2]!;

  function arrayType(perCpu: boolean): MapType {
    const allowed = ACCESS | (perCpu ? 0 : BPF_F_NUMA_NODE | BPF_F_MMAPABLE | BPF_F_INNER_MAP);
    const largest = perCpu ? PCPU_MIN_UNIT_SIZE : INT_MAX;
    /** Values of user space pass through here on their way to the element, for the copy that leaves a lock alone. */
    const staging = new Map<number, number>();

    const max = (map: number): number => read(map, BPF_MAP.max_entries);
    const elementAt = (map: number, index: number): number =>
      read(map, BPF_MAP.elements) + index * read(map, BPF_MAP.element_size);

    const element = {
      lookup(map: number, key: Uint8Array, flags: number): Uint8Array {
        const index = u32Of(key);
        if (index >= max(map)) refuse('ENOENT', 'BPF_MAP_LOOKUP_ELEM', `index ${index} of an array of ${max(map)}`);
        const at = elementAt(map, index);
        if (!perCpu) return values.read(map, at, flags === BPF_F_LOCK);
        const size = read(map, BPF_MAP.element_size);
        const all = new Uint8Array(size * nrCpus);
        for (let cpu = 0; cpu < nrCpus; cpu++) {
          all.set(bytes.read(at + cpu * read(map, BPF_MAP.cpu_stride), size), cpu * size);
        }
        return all;
      },
      update(map: number, key: Uint8Array, value: Uint8Array, flags: number): void {
        // mirrors array_map_update_elem: flags, then bounds, then NOEXIST, for every element exists
        const condition = flags >= BPF_F_LOCK ? flags - BPF_F_LOCK : flags;
        if (condition > BPF_EXIST) refuse('EINVAL', 'BPF_MAP_UPDATE_ELEM', `flags ${flags} are not known here`);
        const index = u32Of(key);
        if (index >= max(map)) refuse('E2BIG', 'BPF_MAP_UPDATE_ELEM', `index ${index} of an array of ${max(map)}`);
        if (condition === BPF_NOEXIST) refuse('EEXIST', 'BPF_MAP_UPDATE_ELEM', 'all elements of an array exist');
        const at = elementAt(map, index);
        if (perCpu) {
          const size = value.length / nrCpus;
          for (let cpu = 0; cpu < nrCpus; cpu++) {
            const own = value.subarray(cpu * size, (cpu + 1) * size);
            bytes.write(at + cpu * read(map, BPF_MAP.cpu_stride), own);
          }
          return;
        }
        const stage = staging.get(map);
        if (stage === undefined) {
          bytes.write(at, value);
          return;
        }
        bytes.write(stage, value);
        if (condition === flags) values.store(map, at, stage);
        else values.storeLocked(map, at, stage);
      },
      delete(): never {
        return refuse('EINVAL', 'BPF_MAP_DELETE_ELEM', 'elements of an array cannot be deleted');
      },
      getNextKey: (map: number, key: Uint8Array | undefined): Uint8Array => nextIndex(key, max(map)),
    };

    return {
      ...element,
      lookupBatch: genericLookupBatch(element),
      updateBatch: genericUpdateBatch(element),
      spinLocks: !perCpu,
      allocCheck({ keySize, valueSize, maxEntries, flags }) {
        // mirrors array_map_alloc_check
        if (
          maxEntries === 0 ||
          keySize !== 4 ||
          valueSize === 0 ||
          (flags & ~allowed) !== BPF_ANY ||
          !accessOk(flags)
        ) {
          const what = '4-byte keys, values of at least 1 byte, at least 1 entry';
          const known = perCpu ? 'those of access' : 'BPF_F_NUMA_NODE, BPF_F_MMAPABLE, BPF_F_INNER_MAP, access';
          refuse('EINVAL', 'BPF_MAP_CREATE', `an array has ${what}, and no flags but ${known}`);
        }
        if (valueSize > largest) refuse('E2BIG', 'BPF_MAP_CREATE', `values of ${valueSize} bytes: at most ${largest}`);
      },
      userValueSize: (map) => (perCpu ? read(map, BPF_MAP.element_size) * nrCpus : read(map, BPF_MAP.value_size)),
      alloc(map) {
        const elementSize = Math.ceil(read(map, BPF_MAP.value_size) / 8) * 8;
        const size = elementSize * max(map);
        const stride = perCpu ? Math.ceil(size / CACHELINE) * CACHELINE : 0;
        u32[(map + BPF_MAP.element_size) >> 2] = elementSize;
        u32[(map + BPF_MAP.cpu_stride) >> 2] = stride;
        u32[(map + BPF_MAP.elements) >> 2] = allocator.alloc(perCpu ? stride * nrCpus : size);
        if (values.hasLock(map)) staging.set(map, allocator.alloc(elementSize));
      },
      memory(map) {
        const start = read(map, BPF_MAP.elements);
        const size = perCpu ? nrCpus * read(map, BPF_MAP.cpu_stride) : max(map) * read(map, BPF_MAP.element_size);
        return { start, end: start + size };
      },
      free(map) {
        allocator.free(read(map, BPF_MAP.elements));
        const stage = staging.get(map);
        if (stage === undefined) return;
        staging.delete(map);
        allocator.free(stage);
      },
    };
  }

  return new Map([
    [BPF_MAP_TYPE.ARRAY, arrayType(false)],
    [BPF_MAP_TYPE.PERCPU_ARRAY, arrayType(true)],
  ]);
}
