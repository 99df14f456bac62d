/**
 * RCU by counting quiet points: a CPU passes one at the end of each turn of its loop, where it holds no pointer that it
 * read from a shared slot. A sleeping CPU is quiet.
 *
 * The host swaps a slot (one atomic exchange), then waits here; after that no CPU can still use the old value.
 */
import { KernelError } from '@cpumap/uapi';
import type { Machine } from './machine.ts';

const PATIENCE_MS = 10_000;

/** Waits until every CPU has passed a quiet point. Host thread only. @throws KernelError ETIMEDOUT, naming the CPU */
export function synchronizeRcu(machine: Machine): void {
  for (let cpu = 0; cpu < machine.nrCpus; cpu++) {
    const before = machine.quietPoints(cpu);
    const deadline = performance.now() + PATIENCE_MS;
    while (!machine.isAsleep(cpu) && machine.quietPoints(cpu) === before) {
      if (performance.now() > deadline) {
        throw new KernelError('ETIMEDOUT', 'synchronizeRcu', {
          hint: `CPU ${cpu} has not ended its poll for ${PATIENCE_MS / 1000} s: a program or packet handler on it does not return`,
        });
      }
      machine.waitHost(0.05);
    }
  }
}
