/** The sample's maps on any backend, with CPUs to redirect to, as user space fills them before it loads a program. */
import { type BpfMap, bytesOfU32 } from '@cpumap/bpf';
import { type Backend, cpuMapOf } from '@cpumap/host';
import { sampleMaps } from '@cpumap/programs';

export interface SampleMachine {
  readonly maps: Readonly<Record<string, BpfMap>>;
  /** Elements of the maps: a number that is no CPU. */
  readonly nrCpus: number;
}

/** @throws KernelError */
export function createSampleMachine(backend: Backend, remoteCpus: readonly number[], qsize: number): SampleMachine {
  // a program that goes by protocol has a list of three, on a machine of two CPUs too
  const nrCpus = Math.max(backend.possibleCpus, remoteCpus.length);
  const maps = Object.fromEntries(sampleMaps(nrCpus, 8).map((spec) => [spec.name, backend.createMap(spec)]));
  const cpuMap = cpuMapOf(maps.cpu_map!);
  for (let index = 0; index < nrCpus; index++) maps.cpus_available!.update(index, bytesOfU32(nrCpus));
  for (const [index, cpu] of remoteCpus.entries()) {
    cpuMap.set(cpu, { qsize });
    maps.cpus_available!.update(index, bytesOfU32(cpu));
  }
  maps.cpus_count!.update(0, bytesOfU32(remoteCpus.length));
  return { maps, nrCpus };
}
