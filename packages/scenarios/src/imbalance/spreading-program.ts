/** The program that spreads the traffic of the imbalance: one that comes with the packages, or a user's own. */
import type { BpfProgram, ProgramSpec } from '@cpumap/bpf';
import type { Backend } from '@cpumap/host';
import { type SteeringMode, steeringProgram } from '@cpumap/programs';
import { createSampleMachine, type SampleMachine } from '../sample-machine.ts';

export interface SpreadingProgram {
  readonly name: string;
  /** Loads it, with its maps filled: entries of `qsize` frames for `remoteCpus`. */
  load(backend: Backend, remoteCpus: readonly number[], qsize: number): Promise<BpfProgram>;
}

/** A program that finds its CPUs in the sample's maps: cpu_map, cpus_available, cpus_count. */
export function onSampleMaps(name: string, specOf: (machine: SampleMachine) => ProgramSpec): SpreadingProgram {
  return {
    name,
    load: (backend, remoteCpus, qsize) => backend.loadProgram(specOf(createSampleMachine(backend, remoteCpus, qsize))),
  };
}

/** The steering program of an encapsulation. */
export const steeringFor = (mode: SteeringMode): SpreadingProgram =>
  onSampleMaps(`steer_${mode}`, (machine) => steeringProgram(mode, machine));
