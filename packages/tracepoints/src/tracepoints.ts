/**
 * The tracepoints of one CPU: what the data path calls. Each call counts; it writes a record only if somebody listens or a
 * program is attached, which is one test of a mask. Programs run at once, on the CPU that fired the event.
 *
 * Who calls  xdp fires redirect and exception events, cpumap fires enqueue and kthread events, on their own CPU.
 */

import type { Clock, Memory } from '@cpumap/smp';
import { type Features, XDP_REDIRECT } from '@cpumap/uapi';
import {
  DEVMAP_XMIT_RECORD,
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
  TRACE_NET_DEVICE,
  TRACE_SCRATCH,
  type TraceAreaAt,
  traceCpu,
  XDP_CPUMAP_STATS,
} from './trace-area.ts';

/** A program on an event of one CPU; its context is the record, or the raw arguments as u64. */
export type TraceProgram = (ctx: number) => void;
export type TraceContext = 'record' | 'raw';

export interface Tracepoints {
  /** Runs a program at each event of that name on this CPU; the host sets the event's bit in the mask. */
  addProgram(event: EventName, context: TraceContext, id: number, program: TraceProgram): void;
  removeProgram(event: EventName, id: number): void;
  /** Whether anybody listens to successful redirects; if not, `countRedirects` is all there is to do for them. */
  tracesRedirect(): boolean;
  /** Successful redirects of one poll, for the counter. */
  countRedirects(n: number): void;
  /** One redirect's event; a failed one is counted too. `err` is 0 or a negative errno; `viaMap` says whether the redirect went through a map (4.15 has events of its own), `mapType` which. */
  redirect(
    progId: number,
    ifindex: number,
    toIfindex: number,
    err: number,
    mapId: number,
    mapIndex: number,
    viaMap: boolean,
    mapType: number,
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
  /** Frames that a devmap entry's bulk queue handed to a device. `err` is 0 or a negative errno. */
  devmapXmit(fromIfindex: number, toIfindex: number, sent: number, drops: number, err: number): void;
}

const id = (name: EventName): number => EVENT_NAMES.indexOf(name) + 1;
/** The mask has one bit for an event's listeners and one for its programs. */
const PROGRAMS_SHIFT = 16;
const bit = (event: number): number => (1 << (event - 1)) | (1 << (event - 1 + PROGRAMS_SHIFT));

/** The bits of an event in the mask: that somebody reads its records, that programs are attached to it. */
export function traceMaskBits(name: EventName): { readonly listeners: number; readonly programs: number } {
  const listeners = 1 << (id(name) - 1);
  return { listeners, programs: listeners << PROGRAMS_SHIFT };
}

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

  const DEVMAP_XMIT = id('xdp_devmap_xmit');
  const { scratch } = part;
  const record = scratch + TRACE_SCRATCH.record;
  const args = (scratch + TRACE_SCRATCH.args) >> 2;
  const devRx = scratch + TRACE_SCRATCH.devRx;
  const devTx = scratch + TRACE_SCRATCH.devTx;
  const stats = scratch + TRACE_SCRATCH.stats;
  const programs: { id: number; context: TraceContext; program: TraceProgram }[][] = [];

  function begin(event: number, pid: number): void {
    u16[record >> 1] = event;
    u16[(record + 2) >> 1] = 0;
    i32[(record + 4) >> 2] = pid;
  }

  /** An argument of a raw tracepoint: 64 bits, sign-extended. */
  function arg(index: number, value: number): void {
    i32[args + 2 * index] = value;
    i32[args + 2 * index + 1] = value < 0 ? -1 : 0;
  }

  /** The record that was put together goes to readers and to programs. */
  function publish(event: number, length: number): void {
    if ((u32[mask]! & (1 << (event - 1))) !== 0) {
      const slot = part.slots + (u32[head]! & (at.size - 1)) * SLOT_BYTES;
      f64[(slot + SLOT.timestamp) >> 3] = clock.now();
      u32[(slot + SLOT.cpu) >> 2] = cpu;
      u32[(slot + SLOT.length) >> 2] = length;
      for (let offset = 0; offset < length; offset += 4) {
        u32[(slot + SLOT_RECORD + offset) >> 2] = u32[(record + offset) >> 2]!;
      }
      Atomics.store(u32, head, (u32[head]! + 1) >>> 0);
    }
    const attached = programs[event];
    if (attached === undefined) return;
    for (const { context, program } of attached) program(context === 'raw' ? args << 2 : record);
  }

  const SUCCESSES = bit(REDIRECT) | bit(MAP);

  return {
    addProgram(name, context, programId, program) {
      const event = id(name);
      programs[event] = [...(programs[event] ?? []), { id: programId, context, program }];
    },
    removeProgram(name, programId) {
      programs[id(name)] = programs[id(name)]?.filter((attached) => attached.id !== programId) ?? [];
    },
    tracesRedirect: () => (u32[mask]! & SUCCESSES) !== 0,
    countRedirects(n) {
      f64[counters + (TRACE_COUNTERS.redirect >> 3)]! += n;
    },
    redirect(progId, ifindex, toIfindex, err, mapId, mapIndex, viaMap, mapType) {
      if (err !== 0) {
        f64[counters + (TRACE_COUNTERS.redirect_err >> 3)]! += 1;
        f64[errnos + (-err & (ERRNO_COUNTERS - 1))]! += 1;
      }
      const enabled = u32[mask]!;
      if (enabled === 0) return;
      const event = err === 0 ? (viaMap ? MAP : REDIRECT) : viaMap ? MAP_ERR : REDIRECT_ERR;
      if ((enabled & bit(event)) === 0) return;
      begin(event, 0);
      i32[(record + REDIRECT_RECORD.prog_id) >> 2] = progId;
      u32[(record + REDIRECT_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + REDIRECT_RECORD.ifindex) >> 2] = ifindex;
      i32[(record + REDIRECT_RECORD.err) >> 2] = err;
      i32[(record + REDIRECT_RECORD.to_ifindex) >> 2] = toIfindex;
      u32[(record + REDIRECT_RECORD.map_id) >> 2] = mapId;
      i32[(record + REDIRECT_RECORD.map_index) >> 2] = mapIndex;
      i32[(devRx + TRACE_NET_DEVICE.ifindex) >> 2] = ifindex;
      arg(0, devRx);
      arg(1, 0);
      arg(2, 0);
      arg(3, err);
      arg(4, mapType);
      arg(5, mapId);
      arg(6, mapIndex);
      publish(event, REDIRECT_RECORD.sizeof);
    },

    exception(progId, act, ifindex) {
      f64[counters + (TRACE_COUNTERS.exception >> 3)]! += 1;
      if ((u32[mask]! & bit(EXCEPTION)) === 0) return;
      begin(EXCEPTION, 0);
      i32[(record + EXCEPTION_RECORD.prog_id) >> 2] = progId;
      u32[(record + EXCEPTION_RECORD.act) >> 2] = act;
      i32[(record + EXCEPTION_RECORD.ifindex) >> 2] = ifindex;
      i32[(devRx + TRACE_NET_DEVICE.ifindex) >> 2] = ifindex;
      arg(0, devRx);
      arg(1, 0);
      arg(2, act);
      publish(EXCEPTION, EXCEPTION_RECORD.sizeof);
    },

    cpumapEnqueue(mapId, processed, drops, toCpu) {
      const row = (part.enqueue + toCpu * ENQUEUE_COUNTERS.sizeof) >> 3;
      f64[row + (ENQUEUE_COUNTERS.processed >> 3)]! += processed;
      f64[row + (ENQUEUE_COUNTERS.drops >> 3)]! += drops;
      f64[row + (ENQUEUE_COUNTERS.events >> 3)]! += 1;
      if ((u32[mask]! & bit(ENQUEUE)) === 0) return;
      begin(ENQUEUE, 0);
      i32[(record + ENQUEUE_RECORD.map_id) >> 2] = mapId;
      u32[(record + ENQUEUE_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + ENQUEUE_RECORD.cpu) >> 2] = cpu;
      u32[(record + ENQUEUE_RECORD.drops) >> 2] = drops;
      u32[(record + ENQUEUE_RECORD.processed) >> 2] = processed;
      i32[(record + ENQUEUE_RECORD.to_cpu) >> 2] = toCpu;
      arg(0, mapId);
      arg(1, processed);
      arg(2, drops);
      arg(3, toCpu);
      publish(ENQUEUE, ENQUEUE_RECORD.sizeof);
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
      begin(KTHREAD, pid);
      i32[(record + KTHREAD_RECORD.map_id) >> 2] = mapId;
      u32[(record + KTHREAD_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + KTHREAD_RECORD.cpu) >> 2] = cpu;
      u32[(record + KTHREAD_RECORD.drops) >> 2] = drops;
      u32[(record + KTHREAD_RECORD.processed) >> 2] = processed;
      i32[(record + KTHREAD_RECORD.sched) >> 2] = sched;
      u32[(record + KTHREAD_RECORD.xdp_pass) >> 2] = xdpPass;
      u32[(record + KTHREAD_RECORD.xdp_drop) >> 2] = xdpDrop;
      u32[(record + KTHREAD_RECORD.xdp_redirect) >> 2] = xdpRedirect;
      u32[(stats + XDP_CPUMAP_STATS.redirect) >> 2] = xdpRedirect;
      u32[(stats + XDP_CPUMAP_STATS.pass) >> 2] = xdpPass;
      u32[(stats + XDP_CPUMAP_STATS.drop) >> 2] = xdpDrop;
      arg(0, mapId);
      arg(1, processed);
      arg(2, drops);
      arg(3, sched);
      arg(4, stats);
      publish(KTHREAD, KTHREAD_RECORD.sizeof);
    },

    devmapXmit(fromIfindex, toIfindex, sent, drops, err) {
      if ((u32[mask]! & bit(DEVMAP_XMIT)) === 0) return;
      begin(DEVMAP_XMIT, 0);
      i32[(record + DEVMAP_XMIT_RECORD.from_ifindex) >> 2] = fromIfindex;
      u32[(record + DEVMAP_XMIT_RECORD.act) >> 2] = XDP_REDIRECT;
      i32[(record + DEVMAP_XMIT_RECORD.to_ifindex) >> 2] = toIfindex;
      i32[(record + DEVMAP_XMIT_RECORD.drops) >> 2] = drops;
      i32[(record + DEVMAP_XMIT_RECORD.sent) >> 2] = sent;
      i32[(record + DEVMAP_XMIT_RECORD.err) >> 2] = err;
      i32[(devRx + TRACE_NET_DEVICE.ifindex) >> 2] = fromIfindex;
      i32[(devTx + TRACE_NET_DEVICE.ifindex) >> 2] = toIfindex;
      arg(0, devRx);
      arg(1, devTx);
      arg(2, sent);
      arg(3, drops);
      arg(4, err);
      publish(DEVMAP_XMIT, DEVMAP_XMIT_RECORD.sizeof);
    },
  };
}
