/**
 * The tracepoints of one CPU: what the data path calls. Each call counts; it writes a record only if somebody listens,
 * which is one test of a mask.
 *
 * Who calls  xdp fires redirect and exception events, cpumap fires enqueue and kthread events, on their own CPU.
 */

import type { Clock, Memory } from '@cpumap/smp';
import { type Features, XDP_REDIRECT } from '@cpumap/uapi';
import {
  ENQUEUE_RECORD,
  EVENT_NAMES,
  type EventName,
  EXCEPTION_RECORD,
  KTHREAD_RECORD,
  REDIRECT_RECORD,
} from './events.ts';
import {
  ENQUEUE_COUNTERS,
  ERRNO_COUNTERS,
  SLOT,
  SLOT_BYTES,
  SLOT_RECORD,
  TRACE_COUNTERS,
  type TraceAreaAt,
  traceCpu,
} from './trace-area.ts';

export interface Tracepoints {
  /** Whether anybody listens to successful redirects; if not, `countRedirects` is all there is to do for them. */
  tracesRedirect(): boolean;
  /** Successful redirects of one poll, for the counter. */
  countRedirects(n: number): void;
  /** One redirect's event; a failed one is counted too. `err` is 0 or a negative errno; `viaMap` says whether the redirect went through a map (4.15 has events of its own). */
  redirect(
    progId: number,
    ifindex: number,
    toIfindex: number,
    err: number,
    mapId: number,
    mapIndex: number,
    viaMap: boolean,
  ): void;
  exception(progId: number, act: number, ifindex: number): void;
  cpumapEnqueue(mapId: number, processed: number, drops: number, toCpu: number): void;
  cpumapKthread(
    pid: number,
    mapId: number,
    processed: number,
    drops: number,
    sched: number,
    xdpPass: number,
    xdpDrop: number,
    xdpRedirect: number,
  ): void;
}

const id = (name: EventName): number => EVENT_NAMES.indexOf(name) + 1;
const bit = (event: number): number => 1 << (event - 1);

export function attachTracepoints(
  memory: Memory,
  at: TraceAreaAt,
  cpu: number,
  features: Features,
  clock: Clock,
): Tracepoints {
  const { u16, u32, i32, f64 } = memory;
  const part = traceCpu(at, cpu);
  const mask = at.mask >> 2;
  const head = part.head >> 2;
  const counters = part.counters >> 3;
  const errnos = part.errnos >> 3;

  const REDIRECT = id('xdp_redirect');
  const REDIRECT_ERR = id('xdp_redirect_err');
  const MAP = features.redirectMapEvents ? id('xdp_redirect_map') : REDIRECT;
  const MAP_ERR = features.redirectMapEvents ? id('xdp_redirect_map_err') : REDIRECT_ERR;
  const EXCEPTION = id('xdp_exception');
  const ENQUEUE = id('xdp_cpumap_enqueue');
  const KTHREAD = id('xdp_cpumap_kthread');

  /** Claims the next slot and returns where its kernel record starts; `publish` makes it visible. */
  function claim(event: number, length: number, pid: number): number {
    const slot = part.slots + (u32[head]! & (at.size - 1)) * SLOT_BYTES;
    f64[(slot + SLOT.timestamp) >> 3] = clock.now();
    u32[(slot + SLOT.cpu) >> 2] = cpu;
    u32[(slot + SLOT.length) >> 2] = length;
    const record = slot + SLOT_RECORD;
    u16[record >> 1] = event;
    u16[(record + 2) >> 1] = 0;
    i32[(record + 4) >> 2] = pid;
    return record;
  }
  function publish(): void {
    Atomics.store(u32, head, (u32[head]! + 1) >>> 0);
  }

  const SUCCESSES = bit(REDIRECT) | bit(MAP);

  return {
    tracesRedirect: () => (u32[mask]! & SUCCESSES) !== 0,
    countRedirects(n) {
      f64[counters + (TRACE_COUNTERS.redirect >> 3)]! += n;
    },
    redirect(progId, ifindex, toIfindex, err, mapId, mapIndex, viaMap) {
      if (err !== 0) {
        f64[counters + (TRACE_COUNTERS.redirect_err >> 3)]! += 1;
        f64[errnos + (-err & (ERRNO_COUNTERS - 1))]! += 1;
      }
      const enabled = u32[mask]!;
      if (enabled === 0) return;
      const event = err === 0 ? (viaMap ? MAP : REDIRECT) : viaMap ? MAP_ERR : REDIRECT_ERR;
      if ((enabled & bit(event)) === 0) return;
      const record = claim(event, REDIRECT_RECORD.sizeof, 0);
      i32[(record + REDIRECT_RECORD.prog_id) >> 2] = progId;
      u32[(record + REDIRECT_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + REDIRECT_RECORD.ifindex) >> 2] = ifindex;
      i32[(record + REDIRECT_RECORD.err) >> 2] = err;
      i32[(record + REDIRECT_RECORD.to_ifindex) >> 2] = toIfindex;
      u32[(record + REDIRECT_RECORD.map_id) >> 2] = mapId;
      i32[(record + REDIRECT_RECORD.map_index) >> 2] = mapIndex;
      publish();
    },

    exception(progId, act, ifindex) {
      f64[counters + (TRACE_COUNTERS.exception >> 3)]! += 1;
      if ((u32[mask]! & bit(EXCEPTION)) === 0) return;
      const record = claim(EXCEPTION, EXCEPTION_RECORD.sizeof, 0);
      i32[(record + EXCEPTION_RECORD.prog_id) >> 2] = progId;
      u32[(record + EXCEPTION_RECORD.act) >> 2] = act;
      i32[(record + EXCEPTION_RECORD.ifindex) >> 2] = ifindex;
      publish();
    },

    cpumapEnqueue(mapId, processed, drops, toCpu) {
      const row = (part.enqueue + toCpu * ENQUEUE_COUNTERS.sizeof) >> 3;
      f64[row + (ENQUEUE_COUNTERS.processed >> 3)]! += processed;
      f64[row + (ENQUEUE_COUNTERS.drops >> 3)]! += drops;
      f64[row + (ENQUEUE_COUNTERS.events >> 3)]! += 1;
      if ((u32[mask]! & bit(ENQUEUE)) === 0) return;
      const record = claim(ENQUEUE, ENQUEUE_RECORD.sizeof, 0);
      i32[(record + ENQUEUE_RECORD.map_id) >> 2] = mapId;
      u32[(record + ENQUEUE_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + ENQUEUE_RECORD.cpu) >> 2] = cpu;
      u32[(record + ENQUEUE_RECORD.drops) >> 2] = drops;
      u32[(record + ENQUEUE_RECORD.processed) >> 2] = processed;
      i32[(record + ENQUEUE_RECORD.to_cpu) >> 2] = toCpu;
      publish();
    },

    cpumapKthread(pid, mapId, processed, drops, sched, xdpPass, xdpDrop, xdpRedirect) {
      f64[counters + (TRACE_COUNTERS.kthread_events >> 3)]! += 1;
      f64[counters + (TRACE_COUNTERS.kthread_processed >> 3)]! += processed;
      f64[counters + (TRACE_COUNTERS.kthread_drops >> 3)]! += drops;
      f64[counters + (TRACE_COUNTERS.kthread_sched >> 3)]! += sched;
      f64[counters + (TRACE_COUNTERS.kthread_xdp_pass >> 3)]! += xdpPass;
      f64[counters + (TRACE_COUNTERS.kthread_xdp_drop >> 3)]! += xdpDrop;
      f64[counters + (TRACE_COUNTERS.kthread_xdp_redirect >> 3)]! += xdpRedirect;
      if ((u32[mask]! & bit(KTHREAD)) === 0) return;
      const record = claim(KTHREAD, KTHREAD_RECORD.sizeof, pid);
      i32[(record + KTHREAD_RECORD.map_id) >> 2] = mapId;
      u32[(record + KTHREAD_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + KTHREAD_RECORD.cpu) >> 2] = cpu;
      u32[(record + KTHREAD_RECORD.drops) >> 2] = drops;
      u32[(record + KTHREAD_RECORD.processed) >> 2] = processed;
      i32[(record + KTHREAD_RECORD.sched) >> 2] = sched;
      u32[(record + KTHREAD_RECORD.xdp_pass) >> 2] = xdpPass;
      u32[(record + KTHREAD_RECORD.xdp_drop) >> 2] = xdpDrop;
      u32[(record + KTHREAD_RECORD.xdp_redirect) >> 2] = xdpRedirect;
      publish();
    },
  };
}
