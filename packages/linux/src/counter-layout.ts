/**
 * The counters of one CPU as our programs keep them: one value of a per-CPU array, laid out like the engine's, but with
 * u64 in place of f64.
 */
import { ERRNO_COUNTERS, errnosAt, type TraceCounters, traceCountersOf } from '@cpumap/tracepoints';

export const counterBytes = (nrCpus: number): number => errnosAt(nrCpus) + ERRNO_COUNTERS * 8;

/** The counters of one CPU, whose value begins at `at`. */
export function readCounters(values: DataView, at: number, nrCpus: number): TraceCounters {
  return traceCountersOf((offset) => Number(values.getBigUint64(at + offset, true)), nrCpus);
}
