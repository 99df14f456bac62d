/** Which remote CPUs a run has, as its maps say at the moment: also after somebody changed them. */
import type { BpfMap } from '@cpumap/bpf';
import type { CpuMap } from '@cpumap/host';
import type { RemoteCpus } from './cpu-rows.ts';

const u32Of = (map: BpfMap, key: number): number => {
  const bytes = map.lookup(key);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
};

/** `maps` has those of the sample where the program knows them; with a user's own program every CPU counts as active. */
export function remoteCpusOf(
  cpuMap: CpuMap,
  maps: Readonly<Partial<Record<'cpus_available' | 'cpus_count', BpfMap>>>,
  cpus: readonly number[],
): RemoteCpus {
  const { cpus_available: available, cpus_count: count } = maps;
  return {
    cpus,
    active() {
      if (available === undefined || count === undefined) return cpus;
      const most = Math.min(u32Of(count, 0), available.info().maxEntries);
      return Array.from({ length: most }, (_, index) => u32Of(available, index));
    },
    qsize: (cpu) => cpuMap.get(cpu)?.qsize ?? 0,
  };
}
