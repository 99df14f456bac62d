/**
 * The sample's maps, as one program on one CPU holds them. Elements of arrays never move, so their addresses are looked
 * up once, when the program is instantiated.
 */

import type { ProgramEnv } from '@cpumap/bpf';
import { DATAREC, XDP_ABORTED, XDP_DROP } from '@cpumap/uapi';
import { MAX_CPUS } from '../../src/limits.ts';

function pointerOf({ maps }: ProgramEnv, name: string): number {
  const map = maps[name];
  if (map === undefined) throw new TypeError(`the program needs a map '${name}': give it one by this name`);
  return map;
}

/** The word index of element `key`, this CPU's own in a per-CPU map. @throws TypeError when there is none */
function elementOf(env: ProgramEnv, name: string, key = 0): number {
  const element = env.helpers.mapLookupElem(pointerOf(env, name), key);
  if (element === 0) throw new TypeError(`map '${name}' has no element ${key}: it must be an array`);
  return element >>> 2;
}

/** Adds one to the u64 at word index `at`: two words, the low one first. */
function increment(u32: Uint32Array, at: number): void {
  const low = (u32[at]! + 1) >>> 0;
  u32[at] = low;
  if (low === 0) u32[at + 1] = u32[at + 1]! + 1;
}

/**
 * rx_cnt: this CPU's struct datarec, written by this CPU alone, so counting is plain. A reader on another thread may see
 * the low word wrapped and the high word not yet, once in 2^32 packets, as user space on a 32-bit kernel may.
 */
export interface RxCount {
  processed(): void;
  /** Counts a drop; the verdict. */
  dropped(): number;
  /** Counts an issue; the verdict. */
  issue(): number;
}

export function attachRxCount(env: ProgramEnv): RxCount {
  const { u32 } = env.memory;
  const record = elementOf(env, 'rx_cnt');
  const PROCESSED = record + (DATAREC.processed >> 2);
  const DROPPED = record + (DATAREC.dropped >> 2);
  const ISSUE = record + (DATAREC.issue >> 2);

  return {
    processed: () => increment(u32, PROCESSED),
    dropped() {
      increment(u32, DROPPED);
      return XDP_DROP;
    },
    issue() {
      increment(u32, ISSUE);
      return XDP_ABORTED;
    },
  };
}

/** cpus_available and cpu_map: from an index to a redirect. */
export interface AvailableCpus {
  /** Entries of cpus_available; a lookup beyond gives NULL. */
  readonly length: number;
  /**
   * The verdict for `cpus_available[index]`: a redirect to that CPU; XDP_ABORTED beyond the array, and, counted as an
   * issue, where the entry is no CPU (`nr_cpus` or more: user space fills the array with that before it adds CPUs).
   */
  redirectTo(index: number): number;
}

export function attachAvailableCpus(env: ProgramEnv, rx: RxCount): AvailableCpus {
  const { memory, helpers, constants } = env;
  const { u32 } = memory;
  const nrCpus = constants.nr_cpus ?? MAX_CPUS;
  const cpuMap = pointerOf(env, 'cpu_map');

  const available = pointerOf(env, 'cpus_available');
  const first = elementOf(env, 'cpus_available');
  let entries = 1;
  while (helpers.mapLookupElem(available, entries) !== 0) entries++;
  const length = entries;
  const stride = length > 1 ? elementOf(env, 'cpus_available', 1) - first : 0;

  return {
    length,
    redirectTo(index) {
      if (index >= length) return XDP_ABORTED;
      const cpu = u32[first + index * stride]!;
      return cpu >= nrCpus ? rx.issue() : helpers.redirectMap(cpuMap, cpu, 0);
    },
  };
}

/** cpus_count: how many of cpus_available are in use. */
export interface CpusCount {
  get(): number;
  /** `value` modulo the count. BPF_MOD by 0 is no fault: it leaves the value as it is. */
  modulo(value: number): number;
}

export function attachCpusCount(env: ProgramEnv): CpusCount {
  const { u32 } = env.memory;
  const count = elementOf(env, 'cpus_count');

  return {
    get: () => u32[count]!,
    modulo(value) {
      const divisor = u32[count]!;
      // `>>> 0` changes no result, but without it V8 takes NaN for possible and divides doubles: 8.3 ns against 0.7
      return divisor === 0 ? value : (value % divisor) >>> 0;
    },
  };
}

/** cpus_iterator: this CPU's place in the round. */
export interface CpusIterator {
  /**
   * The index for this packet; then one step. The iterator returns to 0 only when it *equals* the count after the step:
   * one that is beyond runs on.
   */
  next(): number;
}

export function attachCpusIterator(env: ProgramEnv, count: CpusCount): CpusIterator {
  const { u32 } = env.memory;
  const iterator = elementOf(env, 'cpus_iterator');

  return {
    next() {
      const index = u32[iterator]!;
      const step = index + 1; // wraps when it is stored
      u32[iterator] = step === count.get() ? 0 : step;
      return index;
    },
  };
}
