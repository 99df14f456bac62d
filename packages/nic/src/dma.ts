/**
 * The hardware's side of an RX ring: puts the frames that are due into posted buffers.
 *
 * Who calls  the queue's NAPI task, before it cleans: the model has no processor of its own for the wire, so what a real
 *            device does beside the CPU costs the RX CPU time here. Every measured rate includes it.
 * Without a pace a burst is at most one poll's budget, so that the frames are still in the cache when they are cleaned.
 * With a pace everything due by now arrives at once, and what finds no posted buffer is missed.
 */

import { FRAME_POOL } from '@cpumap/skb';
import type { Clock, Memory } from '@cpumap/smp';
import { NAPI_POLL_WEIGHT, PAGE_SIZE, SKB_SHARED_INFO_SIZE, XDP_PACKET_HEADROOM } from '@cpumap/uapi';
import { attachCopyFrame } from './copy.ts';
import {
  MORE_FOLLOWS,
  RX_COUNTERS,
  RX_QUEUE,
  rxCounters,
  WIRE,
  WIRE_DONE,
  WIRE_HELD,
  WIRE_HOLD,
  WIRE_RUNNING,
} from './rx-queue.ts';

/** Buffers that a frame takes. */
function needed(length: number, linear: number): number {
  return length <= linear ? 1 : 1 + Math.ceil((length - linear) / PAGE_SIZE);
}

export interface Dma {
  /** Fills descriptors; returns whether the wire is still running. */
  receive(queue: number): boolean;
  /** Nanoseconds until the next frame is due; Infinity when none is coming, 0 when frames wait for buffers. */
  dueIn(queue: number): number;
}

export function attachDma(memory: Memory, clock: Clock): Dma {
  const { u32, f64 } = memory;
  const copy = attachCopyFrame(memory);
  const HEADROOM = XDP_PACKET_HEADROOM; // per frame: see attachNapi

  /** The host's from here on. */
  function leave(wire: number, state: typeof WIRE_DONE | typeof WIRE_HELD): boolean {
    Atomics.store(u32, (wire + WIRE.state) >> 2, state);
    return false;
  }

  /** Puts a frame that the first buffer does not take into `slot` and those behind it; the slot behind the last. */
  function scatter(queue: number, address: number, length: number, linear: number, slot: number): number {
    const q = queue >> 2;
    const size = u32[q + (RX_QUEUE.size >> 2)]!;
    const buffers = u32[q + (RX_QUEUE.buffers >> 2)]! >> 2;
    const lengths = u32[q + (RX_QUEUE.lengths >> 2)]! >> 2;
    let at = slot;
    for (let done = 0; done < length; ) {
      const n = Math.min(length - done, done === 0 ? linear : PAGE_SIZE);
      copy(address + done, u32[buffers + at]! + (done === 0 ? HEADROOM : 0), address + done + n);
      done += n;
      u32[lengths + at] = done < length ? n | MORE_FOLLOWS : n;
      if (++at === size) at = 0;
    }
    return at;
  }

  function receive(queue: number): boolean {
    const wire = u32[(queue + RX_QUEUE.source) >> 2]!;
    if (wire === 0) return false;
    const w = wire >> 2;
    if (u32[w + (WIRE.state >> 2)] !== WIRE_RUNNING) return false;
    const asked = Atomics.load(u32, w + (WIRE.ask >> 2));
    if (asked !== 0) return leave(wire, asked === WIRE_HOLD ? WIRE_HELD : WIRE_DONE);

    const q = queue >> 2;
    const counters = rxCounters(queue);
    const frames = u32[w + (WIRE.frames >> 2)]! >> 2;
    const order = u32[w + (WIRE.order >> 2)]! >> 2;
    const orderLength = u32[w + (WIRE.order_length >> 2)]!;
    const due = u32[w + (WIRE.due >> 2)]! >> 3;
    const paced = due !== 0;
    const cycleNs = f64[(wire + WIRE.cycle_ns) >> 3]!;
    const skipsCycles = paced && u32[w + (WIRE.flawless >> 2)] === 1;
    const leftAt = (wire + WIRE.left) >> 3;
    const cycleAt = (wire + WIRE.cycle_start) >> 3;
    const now = paced ? clock.now() : 0;
    if (paced && Number.isNaN(f64[cycleAt]!)) f64[cycleAt] = now - f64[(wire + WIRE.begin_at) >> 3]!;
    let cycle = f64[cycleAt]!;
    let position = u32[w + (WIRE.position >> 2)]!;

    const size = u32[q + (RX_QUEUE.size >> 2)]!;
    const buffers = u32[q + (RX_QUEUE.buffers >> 2)]! >> 2;
    const lengths = u32[q + (RX_QUEUE.lengths >> 2)]! >> 2;
    // what of a frame the first buffer takes: all of it, unless the device's frames may have several
    const frameSz = u32[(u32[q + (RX_QUEUE.pool >> 2)]! + FRAME_POOL.frame_sz) >> 2]!;
    const linear = frameSz - HEADROOM - SKB_SHARED_INFO_SIZE;
    const filledBefore = u32[q + (RX_QUEUE.filled >> 2)]!;
    let slot = u32[q + (RX_QUEUE.to_fill >> 2)]!;
    let posted = u32[q + (RX_QUEUE.posted >> 2)]!;
    let filled = filledBefore;

    const left = f64[leftAt]!;
    const burst = paced ? left : Math.min(left, NAPI_POLL_WEIGHT - filledBefore);
    let sent = 0;
    for (; sent < burst; sent++) {
      if (skipsCycles && posted === 0 && position === 0) {
        // far behind: cycles that nobody can take are counted as missed without looking at each frame
        const cycles = Math.min(Math.floor((now - cycle) / cycleNs), Math.floor((left - sent) / orderLength));
        if (cycles > 1) {
          f64[(counters + RX_COUNTERS.missed) >> 3]! += cycles * orderLength;
          cycle += cycles * cycleNs;
          sent += cycles * orderLength - 1;
          continue;
        }
      }
      if (paced && cycle + f64[due + position]! > now) break;
      const frame = frames + u32[order + position]! * 2;
      const address = u32[frame]!;
      if (address === 0) {
        f64[(counters + RX_COUNTERS.length_errors) >> 3]! += 1;
      } else if (posted < needed(u32[frame + 1]!, linear)) {
        if (!paced) break; // nobody presses: the frame waits on the wire for a buffer
        f64[(counters + RX_COUNTERS.missed) >> 3]! += 1;
      } else if (u32[frame + 1]! > linear) {
        const length = u32[frame + 1]!;
        slot = scatter(queue, address, length, linear, slot);
        posted -= needed(length, linear);
        filled += needed(length, linear);
      } else {
        const length = u32[frame + 1]!;
        const buffer = u32[buffers + slot]!;
        copy(address, buffer + HEADROOM, address + length);
        // drivers prefetch the descriptor's line for writing here (prefetchw); a store is what JavaScript has for that
        u32[buffer >> 2] = 0;
        u32[lengths + slot] = length;
        if (++slot === size) slot = 0;
        posted--;
        filled++;
      }
      if (++position === orderLength) {
        position = 0;
        cycle += cycleNs;
      }
    }
    u32[q + (RX_QUEUE.to_fill >> 2)] = slot;
    u32[q + (RX_QUEUE.posted >> 2)] = posted;
    u32[q + (RX_QUEUE.filled >> 2)] = filled;
    u32[w + (WIRE.position >> 2)] = position;
    f64[leftAt] = left - sent;
    f64[cycleAt] = cycle;
    return left - sent > 0 ? true : leave(wire, WIRE_DONE);
  }

  return {
    receive,
    dueIn(queue) {
      const wire = u32[(queue + RX_QUEUE.source) >> 2]!;
      if (wire === 0 || u32[(wire + WIRE.state) >> 2] !== WIRE_RUNNING) return Number.POSITIVE_INFINITY;
      const due = u32[(wire + WIRE.due) >> 2]! >> 3;
      if (due === 0) return 0;
      const start = f64[(wire + WIRE.cycle_start) >> 3]!;
      if (Number.isNaN(start)) return 0; // it was set going a moment ago
      return Math.max(0, start + f64[due + u32[(wire + WIRE.position) >> 2]!]! - clock.now());
    },
  };
}
