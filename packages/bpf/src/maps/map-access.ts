/** bpf_map_lookup_elem of the array types, as a CPU calls it. */

import type { Memory } from '@cpumap/smp';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';

/** The address of an element, this CPU's own for a per-CPU map; 0 when there is none. */
export function attachMapLookup({ u32 }: Memory, cpu: number): (map: number, key: number) => number {
  return (map, key) => {
    const m = map >> 2;
    const type = u32[m + (BPF_MAP.map_type >> 2)]!;
    if (type !== BPF_MAP_TYPE.ARRAY && type !== BPF_MAP_TYPE.PERCPU_ARRAY) return 0;
    if (key >>> 0 >= u32[m + (BPF_MAP.max_entries >> 2)]!) return 0;
    const own = cpu * u32[m + (BPF_MAP.cpu_stride >> 2)]!;
    return u32[m + (BPF_MAP.elements >> 2)]! + own + (key >>> 0) * u32[m + (BPF_MAP.element_size >> 2)]!;
  };
}
