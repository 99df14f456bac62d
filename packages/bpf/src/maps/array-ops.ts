/**
 * ARRAY and PERCPU_ARRAY as a CPU uses them, hot: mirrors array_map_lookup_elem, array_map_update_elem and
 * bpf_for_each_array_elem. A per-CPU array's element is the one of the calling CPU.
 */

import type { Memory } from '@cpumap/smp';
import { BPF_EXIST, BPF_F_LOCK, BPF_MAP_TYPE, BPF_NOEXIST, ERRNO } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';
import { attachMapValues } from './map-value.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface ArrayOps {
  lookup(map: number, key: number): number;
  update(map: number, key: number, value: number, flags: number): number;
  /** `keyAt` is 4 bytes for the index that is passed. */
  forEach(map: number, keyAt: number, visit: (map: number, key: number, value: number) => number): number;
}

export function attachArrayOps(memory: Memory, cpu: number): ArrayOps {
  const { u32 } = memory;
  const bytes = attachSharedBytes(memory);
  const values = attachMapValues(memory);
  const MAP_TYPE = BPF_MAP.map_type >> 2;
  const VALUE_SIZE = BPF_MAP.value_size >> 2;
  const MAX_ENTRIES = BPF_MAP.max_entries >> 2;
  const ELEMENTS = BPF_MAP.elements >> 2;
  const ELEMENT_SIZE = BPF_MAP.element_size >> 2;
  const CPU_STRIDE = BPF_MAP.cpu_stride >> 2;
  const PERCPU_ARRAY = BPF_MAP_TYPE.PERCPU_ARRAY;
  const EINVAL = -ERRNO.EINVAL;
  const E2BIG = -ERRNO.E2BIG;
  const EEXIST = -ERRNO.EEXIST;
  const LAST_FLAG = BPF_F_LOCK | BPF_EXIST;

  function elementAt(m: number, index: number): number {
    return u32[m + ELEMENTS]! + cpu * u32[m + CPU_STRIDE]! + index * u32[m + ELEMENT_SIZE]!;
  }

  return {
    lookup(map, key) {
      const m = map >> 2;
      const index = ((key & 3) === 0 ? u32[key >> 2]! : bytes.word(key)) >>> 0;
      return index < u32[m + MAX_ENTRIES]! ? elementAt(m, index) : 0;
    },
    update(map, key, value, flags) {
      const m = map >> 2;
      if (!(flags >= 0 && flags <= LAST_FLAG) || (flags & 3) > BPF_EXIST) return EINVAL;
      const index = bytes.word(key) >>> 0;
      if (index >= u32[m + MAX_ENTRIES]!) return E2BIG;
      if ((flags & BPF_NOEXIST) !== 0) return EEXIST;
      const element = elementAt(m, index);
      if ((flags & BPF_F_LOCK) !== 0) {
        if (!values.hasLock(map)) return EINVAL;
        values.storeLocked(map, element, value);
      } else if (u32[m + MAP_TYPE] === PERCPU_ARRAY) bytes.copy(element, value, u32[m + VALUE_SIZE]!);
      else values.store(map, element, value);
      return 0;
    },
    forEach(map, keyAt, visit) {
      const m = map >> 2;
      const n = u32[m + MAX_ENTRIES]!;
      for (let index = 0; index < n; index++) {
        u32[keyAt >> 2] = index;
        if (visit(map, keyAt, elementAt(m, index)) !== 0) return index + 1;
      }
      return n;
    },
  };
}
