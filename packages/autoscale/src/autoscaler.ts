/**
 * The controller: each tick samples the backend, asks the policy, and tells the steering which CPUs are active.
 *
 * Owner  whoever created it, with the backend and the steering. It has no timer unless `start` is called.
 * A CPU that is not active is parked: its entry stays, it gets no new flows, and those that it has leave one by one.
 */
import type { Backend, BackendStatistics } from '@cpumap/host';
import { KernelError } from '@cpumap/uapi';
import { createCapacityLearner } from './capacity.ts';
import { dropsOf, type Policy, type PolicySettings, targetUtilisation } from './policy.ts';
import { type CpuSample, sampleOf } from './sample.ts';
import type { Steering } from './steering.ts';

export interface AutoscalerOptions {
  readonly backend: Backend;
  readonly steering: Pick<Steering, 'cpus' | 'setActive' | 'settle'>;
  /** Default `targetUtilisation`. */
  readonly policy?: Policy;
  /** Frames per second that one CPU takes. Learned when it is left out. */
  readonly capacity?: number;
  /** How few and how many CPUs. Default 1, and all of the steering's. */
  readonly min?: number;
  readonly max?: number;
  /** Utilisations: what to aim at, and the band in which nothing changes. Default 0.7, 0.4 to 0.85. */
  readonly target?: number;
  readonly low?: number;
  readonly high?: number;
  /** Intervals after a change in which only drops change anything. Default 5. */
  readonly coolDown?: number;
  /** Told when the policy fails, or answers what cannot be done; in intervals of `start`, also what a tick threw. */
  readonly onProblem?: (problem: string) => void;
}

export interface Tick {
  readonly active: readonly number[];
  readonly changed: boolean;
  /** None at the first tick, and when no time has passed. */
  readonly samples: readonly CpuSample[];
  /** What is thought that one CPU takes, in frames per second. */
  readonly capacity: number;
}

export interface Autoscaler {
  readonly active: readonly number[];
  /** One interval has ended. @throws KernelError what the backend's statistics and maps throw */
  tick(): Tick;
  /** Ticks by itself until `close`. */
  start(intervalMs: number): void;
  /** Stops ticking; flows stay where they are. Safe to call twice. */
  close(): void;
}

function checkSettings({ cpus, min, max, target, low, high, capacity }: PolicySettings, coolDown: number): void {
  const refuse = (hint: string): never => {
    throw new KernelError('EINVAL', 'createAutoscaler', { hint });
  };
  const inRange = [min, max].every(Number.isInteger) && min >= 1 && min <= max && max <= cpus.length;
  if (!inRange) refuse(`min ${min} and max ${max} must be 1 <= min <= max <= ${cpus.length}, the number of CPUs`);
  if (!(low >= 0 && low < target && target <= high))
    refuse(`it must be 0 <= low < target <= high: ${[low, target, high]}`);
  if (!(capacity > 0)) refuse(`capacity is ${capacity}: it takes frames per second`);
  if (!(Number.isInteger(coolDown) && coolDown >= 0)) refuse(`coolDown is ${coolDown}: it takes a number of intervals`);
}

/** What is wrong with a policy's answer; undefined when it can be done. */
function complaint(wanted: unknown, { cpus, min, max }: PolicySettings): string | undefined {
  if (!Array.isArray(wanted))
    return `the policy answered ${wanted === null ? 'null' : typeof wanted}, not a list of CPUs`;
  const strange = wanted.findIndex((cpu) => !cpus.includes(cpu));
  if (strange >= 0) return `the policy wants CPU ${String(wanted[strange])}, which is none of ${cpus.join(', ')}`;
  if (new Set(wanted).size < wanted.length) return 'the policy names a CPU twice';
  if (wanted.length < min || wanted.length > max) return `the policy wants ${wanted.length} CPUs, not ${min} to ${max}`;
  return undefined;
}

/** Starts with all of the steering's CPUs that `max` allows. @throws KernelError EINVAL */
export function createAutoscaler(options: AutoscalerOptions): Autoscaler {
  const { backend, steering, policy = targetUtilisation, coolDown = 5, onProblem = () => undefined } = options;
  const { cpus } = steering;
  const { min = 1, max = cpus.length, target = 0.7, low = 0.4, high = 0.85 } = options;
  const fixed = { cpus, min, max, target, low, high };
  checkSettings({ ...fixed, capacity: options.capacity ?? 1 }, coolDown);
  const learner = createCapacityLearner(options.capacity);
  let active: readonly number[] = cpus.slice(0, max);
  let before: BackendStatistics | undefined;
  let sinceChange = 0;
  let timer: NodeJS.Timeout | undefined;
  let open = true;
  steering.setActive(active);

  function ask(samples: readonly CpuSample[], settings: PolicySettings): readonly number[] {
    try {
      const wanted: unknown = policy(samples, active, settings);
      const problem = complaint(wanted, settings);
      if (problem === undefined) return [...(wanted as readonly number[])];
      onProblem(problem);
    } catch (error) {
      onProblem(`the policy failed: ${error}`);
    }
    return active;
  }

  function tick(): Tick {
    if (!open) throw new KernelError('EINVAL', 'tick', { hint: 'the autoscaler is closed' });
    const now = backend.statistics();
    const first = before === undefined || now.timestampNs <= before.timestampNs;
    const samples = first ? [] : sampleOf(before!, now, cpus);
    before = now;
    const capacity = learner.next(samples, active);
    let changed = false;
    if (!first) {
      sinceChange++;
      const wanted = ask(samples, { ...fixed, capacity });
      const sameSet = wanted.length === active.length && wanted.every((cpu) => active.includes(cpu));
      const grows = wanted.length > active.length && dropsOf(samples) > 0;
      if (!sameSet && (grows || sinceChange > coolDown)) {
        steering.setActive(wanted);
        active = wanted;
        changed = true;
        sinceChange = 0;
      }
    }
    steering.settle();
    return { active, changed, samples, capacity };
  }

  return {
    get active() {
      return active;
    },
    tick,
    start(intervalMs) {
      clearInterval(timer);
      timer = setInterval(() => {
        try {
          tick();
        } catch (error) {
          onProblem(`the tick failed: ${error}`);
        }
      }, intervalMs);
    },
    close() {
      clearInterval(timer);
      open = false;
    },
  };
}
