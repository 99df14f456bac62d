/**
 * Where trace records and counters lie: one mask of enabled events for all, then one area per CPU.
 *
 * Owner   the CPU writes its own area, alone. Readers keep their place themselves, so any number may read, at any speed.
 * Slots   are a ring: record number n lies in slot n mod size and is overwritten by record n + size. `head` is the number
 *         of the next record; it is stored atomically after the record was written, so the slots of records
 *         [head - size + 1, head) are whole. The slot of record `head` may be half written.
 * Counters are float64, exact up to 2^53; each has one writer.
 */

import { type Allocator, CACHELINE, type Memory } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';

/** One slot: when, where, and the kernel's record from byte 16. */
export const SLOT = layout({ timestamp: 'f64', cpu: 'u32', length: 'u32' });
export const SLOT_RECORD = 16;
export const SLOT_BYTES = 64;

/**
 * Where an event is put together for whoever wants it: the record, and for raw tracepoint programs the arguments (u64
 * each) and the structs that arguments point to, in their kernel's words.
 */
export const TRACE_SCRATCH = { record: 0, args: 64, devRx: 128, devTx: 136, stats: 144, sizeof: 192 } as const;
/** struct net_device, as much of it as tracing programs may read. */
export const TRACE_NET_DEVICE = layout({ ifindex: 'i32' });
export const XDP_CPUMAP_STATS = layout({ redirect: 'u32', pass: 'u32', drop: 'u32' });

/** Counts of one CPU's events: what programs attached to the tracepoints would count. */
export const TRACE_COUNTERS = layout({
  redirect: 'f64',
  redirect_err: 'f64',
  exception: 'f64',
  kthread_events: 'f64',
  kthread_processed: 'f64',
  kthread_drops: 'f64',
  kthread_sched: 'f64',
  kthread_xdp_pass: 'f64',
  kthread_xdp_drop: 'f64',
  kthread_xdp_redirect: 'f64',
});
/** Counts of enqueue events for one target CPU. */
export const ENQUEUE_COUNTERS = layout({ processed: 'f64', drops: 'f64', events: 'f64' });
/** xdp_redirect_err by errno, 0 to 127. */
export const ERRNO_COUNTERS = 128;

/** Where everything is; plain data, so that it can be sent to another thread. */
export interface TraceAreaAt {
  readonly mask: number;
  readonly cpus: number;
  readonly cpuBytes: number;
  readonly nrCpus: number;
  /** Slots per CPU, a power of two. */
  readonly size: number;
}

const HEAD_LINE = CACHELINE;
const HEAD_BYTES = HEAD_LINE + TRACE_SCRATCH.sizeof;

export function createTraceArea(allocator: Allocator, nrCpus: number, records: number): TraceAreaAt {
  const size = 2 ** Math.ceil(Math.log2(Math.max(records, 2)));
  const counters = TRACE_COUNTERS.sizeof + nrCpus * ENQUEUE_COUNTERS.sizeof + ERRNO_COUNTERS * 8;
  const cpuBytes = Math.ceil((HEAD_BYTES + counters) / CACHELINE) * CACHELINE + size * SLOT_BYTES;
  return { mask: allocator.alloc(CACHELINE), cpus: allocator.alloc(nrCpus * cpuBytes), cpuBytes, nrCpus, size };
}

/** Byte offsets of one CPU's part. */
export function traceCpu(at: TraceAreaAt, cpu: number) {
  const head = at.cpus + cpu * at.cpuBytes;
  const scratch = head + HEAD_LINE;
  const counters = head + HEAD_BYTES;
  const enqueue = counters + ENQUEUE_AT;
  const errnos = counters + errnosAt(at.nrCpus);
  const slots = head + at.cpuBytes - at.size * SLOT_BYTES;
  return { head, scratch, counters, enqueue, errnos, slots };
}

/** Where the counters by target CPU, and those by errno behind them, lie from a CPU's TRACE_COUNTERS on. */
export const ENQUEUE_AT = TRACE_COUNTERS.sizeof;
export const errnosAt = (nrCpus: number): number => ENQUEUE_AT + nrCpus * ENQUEUE_COUNTERS.sizeof;

/** The counters of one CPU; `read` gives the one at a distance from the start of its TRACE_COUNTERS. */
export function traceCountersOf(read: (offset: number) => number, nrCpus: number) {
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
    /** By target CPU. */
    enqueue: Array.from({ length: nrCpus }, (_, toCpu) => {
      const base = ENQUEUE_AT + toCpu * ENQUEUE_COUNTERS.sizeof;
      return {
        processed: read(base + ENQUEUE_COUNTERS.processed),
        drops: read(base + ENQUEUE_COUNTERS.drops),
        events: read(base + ENQUEUE_COUNTERS.events),
      };
    }),
    /** xdp_redirect_err by positive errno. */
    errnos: new Map(
      Array.from({ length: ERRNO_COUNTERS }, (_, errno) => [errno, read(errnosAt(nrCpus) + 8 * errno)] as const).filter(
        ([, count]) => count > 0,
      ),
    ),
  };
}
export type TraceCounters = ReturnType<typeof traceCountersOf>;

/** The counters of one CPU of the engine. */
export function readTraceCounters({ f64 }: Memory, at: TraceAreaAt, cpu: number): TraceCounters {
  const { counters } = traceCpu(at, cpu);
  return traceCountersOf((offset) => f64[(counters + offset) >> 3]!, at.nrCpus);
}
