/** CPU time of a run by stage: what the counters of each CPU say was done, times what a cost set says it takes. */
import { type CostSet, type StageNumbers, type Statistics, stageCounts, stageTimes } from '@cpumap/host';

export interface CpuTime {
  readonly cpu: number;
  readonly counts: StageNumbers;
  /** Nanoseconds. */
  readonly ns: StageNumbers;
  readonly totalNs: number;
}

export function cpuTimes({ cpus }: Statistics, costs: CostSet): CpuTime[] {
  return cpus.map(({ cpu, ...counters }) => {
    const counts = stageCounts(counters);
    const ns = stageTimes(costs, counts);
    return { cpu, counts, ns, totalNs: Object.values(ns).reduce((sum, time) => sum + time, 0) };
  });
}
