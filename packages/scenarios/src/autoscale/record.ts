/**
 * What a run looked like, interval by interval: read from the host's counters at each tick, so it says what the engine did
 * and not what the controller wanted.
 *
 * A CPU is in use in an interval when it was active at its beginning or end, or took a frame in it: flows leave a parked CPU one by one.
 */
import { type Host, type Statistics, total } from '@cpumap/host';
import type { NicDevice } from '@cpumap/nic';
import type { FlowWatch } from '../traffic/flow-watch.ts';

export interface Interval {
  /** Nanoseconds since the start of the run. */
  readonly fromNs: number;
  readonly toNs: number;
  /** Frames that met the device, missed ones among them. */
  readonly offered: number;
  readonly missed: number;
  readonly queueFull: number;
  readonly delivered: number;
  /** CPUs that the controller has active at its end. */
  readonly active: number;
  readonly inUse: number;
  /** Frames that wait in the queues of all CPUs at its end. */
  readonly depth: number;
}

export interface Recorder {
  /** Ends an interval; `active` is what holds from now on. */
  tick(active: readonly number[]): void;
  readonly intervals: readonly Interval[];
}

export interface RecorderParts {
  readonly host: Host;
  readonly device: NicDevice;
  readonly watch: FlowWatch;
  readonly remoteCpus: readonly number[];
  /** What is active at the start. */
  readonly active: readonly number[];
}

export function startRecorder({ host, device, watch, remoteCpus, active: first }: RecorderParts): Recorder {
  const intervals: Interval[] = [];
  const read = () => {
    const statistics: Statistics = host.statistics();
    const { rx_packets = 0, rx_missed_errors = 0 } = device.statistics();
    return {
      now: host.now(),
      received: rx_packets,
      missed: rx_missed_errors,
      queueFull: total(statistics, ({ cpumap }) => cpumap.ring_full),
      delivered: watch.deliveredInAll(),
      taken: remoteCpus.map((cpu) => statistics.cpus[cpu]!.cpumap.dequeued),
    };
  };
  const start = host.now();
  let before = read();
  let activeBefore = first;
  return {
    intervals,
    tick(active) {
      const now = read();
      if (now.now <= before.now) return;
      const used = remoteCpus.filter(
        (cpu, i) => active.includes(cpu) || activeBefore.includes(cpu) || now.taken[i]! > before.taken[i]!,
      );
      intervals.push({
        fromNs: before.now - start,
        toNs: now.now - start,
        offered: now.received + now.missed - before.received - before.missed,
        missed: now.missed - before.missed,
        queueFull: now.queueFull - before.queueFull,
        delivered: now.delivered - before.delivered,
        active: active.length,
        inUse: used.length,
        depth: [...host.queueDepths().values()].reduce((sum, depth) => sum + depth, 0),
      });
      before = now;
      activeBefore = active;
    },
  };
}
