/**
 * The counters of one CPU as our programs keep them: one value of a per-CPU array, laid out like the engine's, but with
 * u64 in place of f64. Read into the engine's shape.
 */
import { ENQUEUE_COUNTERS, ERRNO_COUNTERS, TRACE_COUNTERS, type TraceCounters } from '@cpumap/tracepoints';

/** Where the parts begin: the counters, then those by target CPU, then those by errno. */
export const ENQUEUE_AT = TRACE_COUNTERS.sizeof;
export const errnosAt = (nrCpus: number): number => ENQUEUE_AT + nrCpus * ENQUEUE_COUNTERS.sizeof;
export const counterBytes = (nrCpus: number): number => errnosAt(nrCpus) + ERRNO_COUNTERS * 8;

/** The counters of one CPU, whose value begins at `at`. */
export function readCounters(values: DataView, at: number, nrCpus: number): TraceCounters {
  const read = (offset: number): number => Number(values.getBigUint64(at + offset, true));
  const errnos = errnosAt(nrCpus);
  return {
    redirect: read(TRACE_COUNTERS.redirect),
    redirectErr: read(TRACE_COUNTERS.redirect_err),
    exception: read(TRACE_COUNTERS.exception),
    kthread: {
      events: read(TRACE_COUNTERS.kthread_events),
      processed: read(TRACE_COUNTERS.kthread_processed),
      drops: read(TRACE_COUNTERS.kthread_drops),
      sched: read(TRACE_COUNTERS.kthread_sched),
      xdpPass: read(TRACE_COUNTERS.kthread_xdp_pass),
      xdpDrop: read(TRACE_COUNTERS.kthread_xdp_drop),
      xdpRedirect: read(TRACE_COUNTERS.kthread_xdp_redirect),
    },
    enqueue: Array.from({ length: nrCpus }, (_, toCpu) => {
      const base = ENQUEUE_AT + toCpu * ENQUEUE_COUNTERS.sizeof;
      return {
        processed: read(base + ENQUEUE_COUNTERS.processed),
        drops: read(base + ENQUEUE_COUNTERS.drops),
        events: read(base + ENQUEUE_COUNTERS.events),
      };
    }),
    errnos: new Map(
      Array.from({ length: ERRNO_COUNTERS }, (_, errno) => [errno, read(errnos + 8 * errno)] as const).filter(
        ([, count]) => count > 0,
      ),
    ),
  };
}
