/**
 * The sample's maps as one program on one CPU holds them: looked up once, when the program is instantiated. Elements of
 * arrays never move, so their addresses are constants from then on; the kernel's JIT does the same with key 0.
 */

import type { ProgramEnv } from '@cpumap/bpf';
import { XDP_ABORTED } from '@cpumap/uapi';
import { ISSUE, increment } from './counters.ts';

/** How many CPUs the sample of 2017 knows; without a constant `nr_cpus`, programs take this bound. */
export const MAX_CPUS = 12;

function pointerOf({ maps }: ProgramEnv, name: string): number {
  const map = maps[name];
  if (map === undefined) throw new TypeError(`the program needs a map '${name}': give it one by this name`);
  return map;
}

/** The word index of element `key`, this CPU's own in a per-CPU map. @throws TypeError when there is none */
export function elementOf(env: ProgramEnv, name: string, key = 0): number {
  const element = env.helpers.mapLookupElem(pointerOf(env, name), key);
  if (element === 0) throw new TypeError(`map '${name}' has no element ${key}: it must be an array`);
  return element >>> 2;
}

/** cpus_available and cpu_map: from an index to a redirect. */
export interface AvailableCpus {
  /** Entries of cpus_available; a lookup beyond gives NULL. */
  readonly length: number;
  /**
   * The verdict for `cpus_available[index]`: a redirect to that CPU; XDP_ABORTED beyond the array, and where the entry
   * is no CPU (`nr_cpus` or more, as user space fills the array before it adds CPUs), which also counts an issue.
   */
  redirectTo(index: number): number;
}

/** `record` is the word index of this CPU's struct datarec. */
export function attachAvailableCpus(env: ProgramEnv, record: number): AvailableCpus {
  const { memory, helpers, constants } = env;
  const { u32 } = memory;
  const nrCpus = constants.nr_cpus ?? MAX_CPUS;
  const cpuMap = pointerOf(env, 'cpu_map');
  const issue = record + ISSUE;

  const available = pointerOf(env, 'cpus_available');
  const first = elementOf(env, 'cpus_available');
  let length = 1;
  while (helpers.mapLookupElem(available, length) !== 0) length++;
  const stride = length > 1 ? elementOf(env, 'cpus_available', 1) - first : 0;

  return {
    length,
    redirectTo(index) {
      if (index >= length) return XDP_ABORTED;
      const cpu = u32[first + index * stride]!;
      if (cpu >= nrCpus) {
        increment(u32, issue);
        return XDP_ABORTED;
      }
      return helpers.redirectMap(cpuMap, cpu, 0);
    },
  };
}
