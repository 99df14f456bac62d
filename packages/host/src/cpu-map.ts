/**
 * A cpumap with typed values, over any backend's map: entries as { qsize, program } instead of bytes.
 * Since Linux 4.15; programs in entries since 5.9 (8-byte values).
 */

import type { BpfMap } from '@cpumap/bpf';
import { BPF_ANY, BPF_CPUMAP_VAL, KernelError } from '@cpumap/uapi';

export interface CpuMapValue {
  /** Frames that the ring holds, 1 to 16384; 0 deletes the entry. */
  readonly qsize: number;
  /** The second program: given as what the backend's programs are known by, read as the program's id; 0 without. */
  readonly program?: number;
}

export interface CpuMap {
  readonly map: BpfMap;
  /** @throws KernelError EINVAL, E2BIG, EEXIST, EOVERFLOW, ENODEV, ENOMEM, EPERM (frozen) */
  set(cpu: number, value: CpuMapValue, flags?: number): void;
  /** `undefined` where the kernel says ENOENT. */
  get(cpu: number): CpuMapValue | undefined;
  /** @throws KernelError EINVAL for a CPU beyond the map, EPERM (frozen) */
  delete(cpu: number): void;
  /** The CPUs that have an entry. */
  cpus(): number[];
}

export function cpuMapOf(map: BpfMap): CpuMap {
  const { valueSize, maxEntries } = map.info();
  const u32 = (what: string, value: number): number => {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return value;
    throw new RangeError(`${what} must be a 32-bit unsigned integer, not ${value}`);
  };

  function get(cpu: number): CpuMapValue | undefined {
    let bytes: Uint8Array;
    try {
      bytes = map.lookup(u32('cpu', cpu));
    } catch (error) {
      if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const qsize = view.getUint32(BPF_CPUMAP_VAL.qsize, true);
    return valueSize === BPF_CPUMAP_VAL.sizeof
      ? { qsize, program: view.getUint32(BPF_CPUMAP_VAL.bpf_prog, true) }
      : { qsize };
  }

  return {
    map,
    get,
    set(cpu, { qsize, program = 0 }, flags = BPF_ANY) {
      if (program !== 0 && valueSize !== BPF_CPUMAP_VAL.sizeof) {
        throw new KernelError('EINVAL', 'bpf(BPF_MAP_UPDATE_ELEM)', {
          hint: `the map has values of ${valueSize} bytes: create it with 8-byte values to put programs in entries`,
        });
      }
      const bytes = new Uint8Array(valueSize);
      const view = new DataView(bytes.buffer);
      view.setUint32(BPF_CPUMAP_VAL.qsize, u32('qsize', qsize), true);
      if (valueSize === BPF_CPUMAP_VAL.sizeof) view.setInt32(BPF_CPUMAP_VAL.bpf_prog, program, true);
      map.update(u32('cpu', cpu), bytes, flags);
    },
    delete(cpu) {
      map.delete(u32('cpu', cpu));
    },
    cpus: () => Array.from({ length: maxEntries }, (_, cpu) => cpu).filter((cpu) => get(cpu) !== undefined),
  };
}
