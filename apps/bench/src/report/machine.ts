/** Where figures come from: a table of them without machine, kernel and Node says nothing. */
import { cpus, platform, release, totalmem } from 'node:os';

export interface MachineName {
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
}

export function machineName(): MachineName {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cpus: all.length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${platform()} ${release()}`,
    node: process.version,
  };
}

export const machineText = ({ cpu, cpus: count, memoryGiB, system, node }: MachineName): string =>
  `${cpu}, ${count} CPUs, ${memoryGiB} GiB, ${system}, Node ${node}`;
