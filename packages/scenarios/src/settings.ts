/**
 * What all scenarios are told, and the checks of it: each refusal names the value and what would do. Nothing is built
 * before they passed.
 */
import { COST_SETS, type CostSet } from '@cpumap/host';
import { KernelError, NR_CPUS } from '@cpumap/uapi';

export interface EngineSettings {
  /** Default 'virtual': the same run each time, on CPUs that this machine need not have. */
  readonly executor?: 'threads' | 'virtual';
  /** Of the virtual executor's schedule, and of what is random in the traffic. Default 1. */
  readonly seed?: number;
  /** What each stage takes: the clock of virtual CPUs, and what CPU time is computed with. Default 'published-2017'. */
  readonly costs?: CostSet;
  /** Ends the run early, with KernelError EINTR: there are no results of half a scenario. */
  readonly signal?: AbortSignal;
}

/** An engine's settings with nothing left out but the signal. */
export interface Chosen {
  readonly executor: 'threads' | 'virtual';
  readonly seed: number;
  readonly costs: CostSet;
  readonly signal?: AbortSignal;
}

/** Where the results of a run are from. */
export interface RanOnEngine {
  readonly backend: 'engine';
  readonly executor: 'threads' | 'virtual';
  readonly seed: number;
  /** The clock of virtual CPUs; on threads only what CPU time is computed with. */
  readonly costs: CostSet;
}
export interface RanOnLinux {
  readonly backend: 'linux';
  /** As in `uname -r`. */
  readonly release: string;
  readonly executor: null;
  readonly seed: number;
  readonly costs: null;
}
export type RanOn = RanOnEngine | RanOnLinux;
/** What a number is that only the engine can know. */
export type Unknown<R extends RanOn> = R extends RanOnLinux ? null : never;

export function chosenOf({
  executor = 'virtual',
  seed = 1,
  costs = COST_SETS['published-2017'],
  signal,
}: EngineSettings): Chosen {
  return { executor, seed, costs, ...(signal && { signal }) };
}

/** @throws KernelError EINVAL */
export function refuse(scenario: string, hint: string): never {
  throw new KernelError('EINVAL', `scenario ${scenario}`, { hint });
}

/** What a run ends with that was stopped. */
export const stopped = (): KernelError =>
  new KernelError('EINTR', 'scenario', { hint: 'it was stopped before its end, so there are no results' });

/** @throws KernelError EINTR */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw stopped();
}

export function checkInteger(scenario: string, what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  refuse(scenario, `${what} is ${value}: it takes a whole number from ${min} to ${max}`);
}

export function checkPositive(scenario: string, what: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  refuse(scenario, `${what} is ${value}: it takes a number above 0`);
}

/** RX CPUs are the first ones, remote CPUs those behind them; each of the two needs one. */
export function checkCpus(scenario: string, cpus: number, rxQueues: number): void {
  checkInteger(scenario, 'cpus', cpus, 2, NR_CPUS);
  checkInteger(scenario, 'rxQueues', rxQueues, 1, 128);
  if (rxQueues >= cpus) {
    refuse(
      scenario,
      `${rxQueues} RX queues take CPUs 0 to ${rxQueues - 1} of ${cpus}, and none is left to redirect to`,
    );
  }
}

/** `count` CPUs from `first` on. */
export const cpuRange = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
