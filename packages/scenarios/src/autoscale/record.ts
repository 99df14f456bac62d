/**
 * What a run looked like, interval by interval: read from counters at each tick, so it says what the frames met and not what
 * the controller wanted.
 *
 * A CPU is in use in an interval when it was active at its beginning or end, or took a frame in it: flows leave a parked CPU
 * one by one.
 */
import type { RanOn, Unknown } from '../settings.ts';

export interface Interval<R extends RanOn = RanOn> {
  /** Nanoseconds since the start of the run. */
  readonly fromNs: number;
  readonly toNs: number;
  /** Frames that met the device, missed ones among them. */
  readonly offered: number;
  readonly missed: number | Unknown<R>;
  readonly queueFull: number;
  readonly delivered: number;
  /** CPUs that the controller has active at its end. */
  readonly active: number;
  readonly inUse: number;
  /** Frames that wait in the queues of all CPUs at its end. */
  readonly depth: number;
}

/** Counters at one moment, each since the machine was built. */
export interface Reading<R extends RanOn> {
  readonly nowNs: number;
  readonly offered: number;
  readonly missed: number | Unknown<R>;
  readonly queueFull: number;
  readonly delivered: number;
  /** Frames that each remote CPU took from its ring. */
  readonly taken: readonly number[];
  /** No counter: frames in all rings now. */
  readonly depth: number;
}

export interface Recorder<R extends RanOn> {
  /** Ends an interval; `active` is what holds from now on. */
  tick(active: readonly number[]): void;
  readonly intervals: readonly Interval<R>[];
}

/** @param first what is active at the start */
export function startRecorder<R extends RanOn>(
  read: () => Reading<R>,
  remoteCpus: readonly number[],
  first: readonly number[],
): Recorder<R> {
  const intervals: Interval<R>[] = [];
  let before = read();
  const startNs = before.nowNs;
  let activeBefore = first;
  return {
    intervals,
    tick(active) {
      const now = read();
      if (now.nowNs <= before.nowNs) return;
      const used = remoteCpus.filter(
        (cpu, i) => active.includes(cpu) || activeBefore.includes(cpu) || now.taken[i]! > before.taken[i]!,
      );
      intervals.push({
        fromNs: before.nowNs - startNs,
        toNs: now.nowNs - startNs,
        offered: now.offered - before.offered,
        // both are there or neither is
        missed: now.missed === null ? now.missed : now.missed - before.missed!,
        queueFull: now.queueFull - before.queueFull,
        delivered: now.delivered - before.delivered,
        active: active.length,
        inUse: used.length,
        depth: now.depth,
      });
      before = now;
      activeBefore = active;
    },
  };
}

/** What all intervals together say. */
export function summaryOf<R extends RanOn>(intervals: readonly Interval<R>[]) {
  const sum = (read: (interval: Interval<R>) => number): number =>
    intervals.reduce((all, interval) => all + read(interval), 0);
  return {
    offered: sum(({ offered }) => offered),
    delivered: sum(({ delivered }) => delivered),
    queueFull: sum(({ queueFull }) => queueFull),
    cpuSecondsInUse: sum(({ inUse, fromNs, toNs }) => inUse * (toNs - fromNs)) / 1e9,
    mostDepth: intervals.reduce((most, { depth }) => Math.max(most, depth), 0),
    intervals,
  };
}
