/** Stress mode: the first CPU's entry is replaced again and again, by one that holds more or fewer frames. */
import type { CpuMap } from '@cpumap/host';

/** The sizes that the entry goes through, as in the sample. */
const STRESS_QSIZES = [1024, 128, 16000] as const;

/**
 * @param program what stands for the entries' program (`fdOf`), 0 for none
 * @returns replaces the entry once, and says so
 */
export function createStress(cpuMap: CpuMap, remoteCpus: readonly number[], program = 0): () => string {
  const cpu = remoteCpus[0]!;
  let turn = 0;
  return () => {
    const qsize = STRESS_QSIZES[turn++ % STRESS_QSIZES.length]!;
    cpuMap.set(cpu, { qsize, program });
    return `Replace CPU:${cpu} as idx:0 queue_size:${qsize} (total cpus_count:${remoteCpus.length})`;
  };
}
