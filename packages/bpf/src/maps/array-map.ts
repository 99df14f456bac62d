/**
 * BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY: values in the shared memory that never move, so a program may hold
 * their addresses. User space reads and writes a per-CPU value as one value per CPU, each rounded up to 8 bytes.
 */

import { type Allocator, CACHELINE, type Memory } from '@cpumap/smp';
import { BPF_EXIST, BPF_F_NUMA_NODE, BPF_MAP_TYPE, BPF_NOEXIST, type ErrnoName, KernelError } from '@cpumap/uapi';
import { BPF_MAP, type MapType } from './bpf-map.ts';

const PCPU_MIN_UNIT_SIZE = 32 * 1024;
const INT_MAX = 0x7fffffff;

function refuse(code: ErrnoName, command: string, hint: string): never {
  throw new KernelError(code, `bpf(${command})`, { hint });
}

/** The two array types of a machine with `nrCpus` CPUs, for the host's registry. */
export function arrayMapTypes(memory: Memory, allocator: Allocator, nrCpus: number): Map<number, MapType> {
  const { u8, u32 } = memory;
  const read = (map: number, field: number): number => u32[(map + field) >> 2]!;

  function arrayType(perCpu: boolean): MapType {
    const copies = perCpu ? nrCpus : 1;
    const allowed = perCpu ? 0 : BPF_F_NUMA_NODE;
    const largest = perCpu ? PCPU_MIN_UNIT_SIZE : INT_MAX;

    function checked(map: number, key: number, code: ErrnoName, command: string): number {
      const max = read(map, BPF_MAP.max_entries);
      if (!(key >= 0 && key < max)) refuse(code, command, `index ${key} of an array of ${max}`);
      return read(map, BPF_MAP.elements) + key * read(map, BPF_MAP.element_size);
    }

    return {
      allocCheck({ keySize, valueSize, maxEntries, flags }) {
        // mirrors array_map_alloc_check
        if (maxEntries === 0 || keySize !== 4 || valueSize === 0 || (flags & ~allowed) !== 0) {
          const what = '4-byte keys, values of at least 1 byte, at least 1 entry';
          refuse(
            'EINVAL',
            'BPF_MAP_CREATE',
            `an array has ${what}, and no flag but BPF_F_NUMA_NODE, which per-CPU ones lack`,
          );
        }
        if (valueSize > largest) refuse('E2BIG', 'BPF_MAP_CREATE', `values of ${valueSize} bytes: at most ${largest}`);
      },
      userValueSize: (map) => (perCpu ? read(map, BPF_MAP.element_size) * nrCpus : read(map, BPF_MAP.value_size)),
      alloc(map) {
        const elementSize = Math.ceil(read(map, BPF_MAP.value_size) / 8) * 8;
        const bytes = elementSize * read(map, BPF_MAP.max_entries);
        const stride = perCpu ? Math.ceil(bytes / CACHELINE) * CACHELINE : 0;
        u32[(map + BPF_MAP.element_size) >> 2] = elementSize;
        u32[(map + BPF_MAP.cpu_stride) >> 2] = stride;
        u32[(map + BPF_MAP.elements) >> 2] = allocator.alloc(perCpu ? stride * nrCpus : bytes);
      },
      lookup(map, key) {
        const element = checked(map, key, 'ENOENT', 'BPF_MAP_LOOKUP_ELEM');
        if (!perCpu) return u8.slice(element, element + read(map, BPF_MAP.value_size));
        const size = read(map, BPF_MAP.element_size);
        const values = new Uint8Array(size * copies);
        for (let cpu = 0; cpu < copies; cpu++) {
          const from = element + cpu * read(map, BPF_MAP.cpu_stride);
          values.set(u8.subarray(from, from + size), cpu * size);
        }
        return values;
      },
      update(map, key, value, flags) {
        // mirrors array_map_update_elem: flags, then bounds, then NOEXIST, for every element exists
        if (flags > BPF_EXIST) refuse('EINVAL', 'BPF_MAP_UPDATE_ELEM', `flags ${flags} are not known here`);
        const element = checked(map, key, 'E2BIG', 'BPF_MAP_UPDATE_ELEM');
        if (flags === BPF_NOEXIST) refuse('EEXIST', 'BPF_MAP_UPDATE_ELEM', 'all elements of an array exist');
        const bytes = value.length / copies;
        for (let cpu = 0; cpu < copies; cpu++) {
          u8.set(value.subarray(cpu * bytes, (cpu + 1) * bytes), element + cpu * read(map, BPF_MAP.cpu_stride));
        }
      },
      delete() {
        refuse('EINVAL', 'BPF_MAP_DELETE_ELEM', 'elements of an array cannot be deleted');
      },
      getNextKey(map, key) {
        const max = read(map, BPF_MAP.max_entries);
        if (key === undefined || key >= max) return 0;
        if (key === max - 1) refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', 'that was the last index');
        return key + 1;
      },
      free(map) {
        allocator.free(read(map, BPF_MAP.elements));
      },
    };
  }

  return new Map([
    [BPF_MAP_TYPE.ARRAY, arrayType(false)],
    [BPF_MAP_TYPE.PERCPU_ARRAY, arrayType(true)],
  ]);
}
