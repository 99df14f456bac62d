/**
 * A NAPI instance: one poll of an RX queue, as a driver with native XDP does it, and generic XDP behind a driver without.
 *
 * Owner  the queue's CPU. A poll takes at most 64 frames, each of which ends in exactly one way (dropped, passed to the
 *        stack, sent back, redirected, or failed), then flushes redirects and returned buffers, then posts new ones.
 * The program is looked up once per poll; it may change between polls, never inside one.
 */

import type { ProgramInstance } from '@cpumap/bpf';
import {
  attachFrameReturns,
  attachSharedInfos,
  FRAME_POOL,
  type FramePools,
  NET_DEVICE,
  type NetifReceive,
  type SkBuffs,
  XDP_BUFF,
} from '@cpumap/skb';
import { GONE, type Machine, MOVED, TASK, type TaskContext, type TaskKind, type Tasks } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import {
  type Features,
  NAPI_POLL_WEIGHT,
  PAGE_SIZE,
  SKB_FRAG,
  SKB_SHARED_INFO,
  SKB_SHARED_INFO_SIZE,
  XDP_ABORTED,
  XDP_DROP,
  XDP_FLAGS_HAS_FRAGS,
  XDP_PACKET_HEADROOM,
  XDP_PASS,
  XDP_REDIRECT,
  XDP_TX,
} from '@cpumap/uapi';
import { XDP_COUNTERS, type Xdp } from '@cpumap/xdp';
import type { Dma } from './dma.ts';
import { MORE_FOLLOWS, RX_COUNTERS, RX_QUEUE, rxCounters } from './rx-queue.ts';

/** The task kind of NAPI instances, an index into a CPU's kinds. */
export const NAPI_TASK = 1;

export interface NapiParts {
  readonly machine: Machine;
  readonly cpu: number;
  readonly features: Features;
  readonly tasks: Tasks;
  readonly tracepoints: Tracepoints;
  readonly pools: FramePools;
  readonly skbs: SkBuffs;
  readonly stack: NetifReceive;
  readonly xdp: Xdp;
  readonly dma: Dma;
  /** An XDP_BUFF of this CPU's, for NAPI. */
  readonly buff: number;
  /** Told, with that buff, of a frame that is dropped because there is no memory to linearise it. */
  readonly onNoMemory?: (buff: number) => void;
}

/** Buffers all out: look again after this long, as drivers rearm a timer when allocation failed. */
const RETRY_NS = 10_000;

/** The owner of a pool that no CPU allocates from yet, or whose queue is between two CPUs. */
export const NO_CPU = 0xffffffff;
/** Interrupt coalescing: a paced queue is looked at no more often than this. */
const COALESCE_NS = 20_000;

export function attachNapi(parts: NapiParts): TaskKind {
  // bound here: V8 folds a constant of this function into its code, one of the bundled module it loads each time
  const DATA = XDP_BUFF.data >> 2;
  const DATA_END = XDP_BUFF.data_end >> 2;
  const DATA_META = XDP_BUFF.data_meta >> 2;
  const HARD_START = XDP_BUFF.data_hard_start >> 2;
  const FRAME_SZ = XDP_BUFF.frame_sz >> 2;
  const FLAGS = XDP_BUFF.flags >> 2;
  const MORE = MORE_FOLLOWS;
  const HEADROOM = XDP_PACKET_HEADROOM;
  const [ABORTED, DROP, PASS, TX, REDIRECT] = [XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT];
  const { machine, cpu, tasks, tracepoints, pools, skbs, stack, xdp, dma, buff } = parts;
  const { u8, u32, f64 } = machine.memory;
  const infos = attachSharedInfos(machine.memory);
  const { returnBuff } = attachFrameReturns(machine.memory, pools, parts.features);
  const b = buff >> 2;
  const count = xdp.counters;
  const aborted = (count + XDP_COUNTERS.aborted) >> 3;
  const dropped = (count + XDP_COUNTERS.drop) >> 3;
  const passed = (count + XDP_COUNTERS.pass) >> 3;
  const sent = (count + XDP_COUNTERS.tx) >> 3;
  const redirected = (count + XDP_COUNTERS.redirect) >> 3;
  const redirectErr = (count + XDP_COUNTERS.redirect_err) >> 3;

  /** Gives every empty descriptor a buffer, as far as the pool has any. */
  function refill(queue: number): void {
    const q = queue >> 2;
    const size = u32[q + (RX_QUEUE.size >> 2)]!;
    const buffers = u32[q + (RX_QUEUE.buffers >> 2)]!;
    const pool = u32[q + (RX_QUEUE.pool >> 2)]!;
    let slot = u32[q + (RX_QUEUE.to_post >> 2)]!;
    let posted = u32[q + (RX_QUEUE.posted >> 2)]!;
    let empty = size - posted - u32[q + (RX_QUEUE.filled >> 2)]!;
    while (empty > 0) {
      const n = pools.allocBulk(pool, buffers + slot * 4, Math.min(empty, size - slot));
      if (n === 0) {
        f64[(rxCounters(queue) + RX_COUNTERS.alloc_failed) >> 3]! += 1;
        break;
      }
      slot = slot + n === size ? 0 : slot + n;
      posted += n;
      empty -= n;
    }
    u32[q + (RX_QUEUE.to_post >> 2)] = slot;
    u32[q + (RX_QUEUE.posted >> 2)] = posted;
  }

  function run(program: ProgramInstance, progId: number, dev: number): number {
    try {
      const act = program(buff);
      if (act > ABORTED && act <= REDIRECT) return act;
      tracepoints.exception(progId, act, u32[(dev + NET_DEVICE.ifindex) >> 2]!);
    } catch (error) {
      xdp.programThrew(progId, error);
      tracepoints.exception(progId, ABORTED, u32[(dev + NET_DEVICE.ifindex) >> 2]!);
    }
    return ABORTED;
  }

  /** Redirects the frame in `buff`, or drops it; 1 when it was redirected. A failed redirect fires its own event. */
  function redirect(native: boolean, dev: number): number {
    if (native) {
      if (xdp.doRedirect(buff) === 0) return 1;
    } else if (xdp.doGenericRedirect(skbs.fromBuff(buff), dev) === 0) {
      // mirrors do_xdp_generic: the frame has become an sk_buff before it is redirected
      return 1;
    }
    returnBuff(buff);
    return 0;
  }

  /** Makes frags of what the descriptors from `slot` on hold, up to the end of the frame; the slot of its last one. */
  function gather(queue: number, first: number): number {
    const q = queue >> 2;
    const size = u32[q + (RX_QUEUE.size >> 2)]!;
    const buffers = u32[q + (RX_QUEUE.buffers >> 2)]! >> 2;
    const lengths = u32[q + (RX_QUEUE.lengths >> 2)]! >> 2;
    const shinfo = shinfoOfBuff();
    infos.init(shinfo);
    let slot = first;
    for (;;) {
      const buffer = u32[buffers + slot]!;
      const length = u32[lengths + slot]!;
      infos.addFrag(shinfo, buffer, buffer, length & ~MORE);
      if (length < MORE) break;
      if (++slot === size) slot = 0;
    }
    u32[b + FLAGS] = XDP_FLAGS_HAS_FRAGS;
    return slot;
  }

  /**
   * mirrors skb_linearize in generic XDP, for a program that does not know frags: the whole frame moves into one large
   * buffer. False when there is none; the frame stays as it was.
   */
  function linearize(queue: number, pool: number): boolean {
    const owner = (pool + FRAME_POOL.cpu) >> 2;
    if (u32[owner] !== cpu) Atomics.store(u32, owner, cpu);
    const scratch = queue + RX_QUEUE.scratch;
    if (pools.allocBulk(pool, scratch, 1) === 0) return false;
    const to = u32[scratch >> 2]!;
    const shinfo = shinfoOfBuff();
    let end = to + HEADROOM;
    const append = (data: number, length: number): void => {
      u8.copyWithin(end, data, data + length);
      end += length;
    };
    append(u32[b + DATA]!, u32[b + DATA_END]! - u32[b + DATA]!);
    for (let i = 0; i < infos.nrFrags(shinfo); i++) {
      const frag = infos.frag(shinfo, i);
      append(u32[(frag + SKB_FRAG.netmem) >> 2]!, u32[(frag + SKB_FRAG.len) >> 2]!);
    }
    returnBuff(buff);
    u32[b + DATA] = to + HEADROOM;
    u32[b + DATA_META] = to + HEADROOM;
    u32[b + DATA_END] = end;
    u32[b + HARD_START] = to;
    u32[b + FRAME_SZ] = u32[(pool + FRAME_POOL.frame_sz) >> 2]!;
    u32[b + FLAGS] = 0;
    return true;
  }

  const shinfoOfBuff = (): number => u32[b + HARD_START]! + u32[b + FRAME_SZ]! - SKB_SHARED_INFO_SIZE;

  /** Takes up to a budget of frames from the ring; returns how many. */
  function clean(queue: number): number {
    const q = queue >> 2;
    const filled = u32[q + (RX_QUEUE.filled >> 2)]!;
    let budget = Math.min(filled, NAPI_POLL_WEIGHT);
    if (budget === 0) return 0;
    const dev = u32[q + (RX_QUEUE.dev >> 2)]!;
    const size = u32[q + (RX_QUEUE.size >> 2)]!;
    const buffers = u32[q + (RX_QUEUE.buffers >> 2)]! >> 2;
    const lengths = u32[q + (RX_QUEUE.lengths >> 2)]! >> 2;
    const nativeId = Atomics.load(u32, (dev + NET_DEVICE.xdp_prog) >> 2);
    const progId = nativeId !== 0 ? nativeId : Atomics.load(u32, (dev + NET_DEVICE.xdp_generic) >> 2);
    const program = progId === 0 ? undefined : xdp.program(progId);
    u32[b + (XDP_BUFF.ingress_ifindex >> 2)] = u32[(dev + NET_DEVICE.ifindex) >> 2]!;
    u32[b + (XDP_BUFF.rx_queue_index >> 2)] = u32[q + (RX_QUEUE.index >> 2)]!;
    u32[b + (XDP_BUFF.egress_ifindex >> 2)] = 0;
    u32[b + (XDP_BUFF.dev >> 2)] = dev;
    const frameSz = u32[(u32[q + (RX_QUEUE.pool >> 2)]! + FRAME_POOL.frame_sz) >> 2]!;
    const linearizes = nativeId === 0 && progId !== 0 && u32[(dev + NET_DEVICE.xdp_linearize) >> 2] !== 0;
    const linearPool = linearizes ? u32[q + (RX_QUEUE.linear_pool >> 2)]! : 0;
    u32[b + (XDP_BUFF.frag_size >> 2)] = nativeId === 0 ? 0 : PAGE_SIZE; // generic XDP knows no RX buffers
    if (progId !== 0) xdp.begin(progId);

    let slot = u32[q + (RX_QUEUE.to_clean >> 2)]!;
    let bytes = 0;
    let redirects = 0;
    let redirectErrs = 0;
    let passes = 0;
    let drops = 0;
    let sends = 0;
    let frags = 0;
    for (let i = 0; i < budget; i++) {
      const frame = u32[buffers + slot]!;
      let length = u32[lengths + slot]!;
      if (++slot === size) slot = 0;
      const data = frame + HEADROOM;
      u32[b + DATA] = data;
      u32[b + DATA_META] = data;
      u32[b + HARD_START] = frame;
      u32[b + FRAME_SZ] = frameSz;
      u32[b + FLAGS] = 0;
      if (length < MORE) u32[b + DATA_END] = data + length;
      else {
        length -= MORE;
        u32[b + DATA_END] = data + length;
        const last = gather(queue, slot);
        slot = last + 1 === size ? 0 : last + 1;
        const shinfo = shinfoOfBuff();
        frags += infos.nrFrags(shinfo);
        bytes += u32[(shinfo + SKB_SHARED_INFO.xdp_frags_size) >> 2]!;
        budget = Math.min(NAPI_POLL_WEIGHT, filled - frags);
        if (linearPool !== 0 && !linearize(queue, linearPool)) {
          parts.onNoMemory?.(buff);
          // mirrors netif_receive_generic_xdp: without memory for it the frame is dropped before the program
          returnBuff(buff);
          bytes += length;
          drops++;
          continue;
        }
      }
      bytes += length;
      const act = program === undefined ? PASS : run(program, progId, dev);
      if (act === REDIRECT) {
        const done = redirect(nativeId !== 0, dev);
        redirects += done;
        redirectErrs += 1 - done;
      } else if (act === PASS) {
        passes++;
        stack.receive(skbs.fromBuff(buff));
      } else {
        if (act === DROP) drops++;
        else if (act === TX) sends++;
        returnBuff(buff);
      }
    }
    u32[q + (RX_QUEUE.to_clean >> 2)] = slot;
    u32[q + (RX_QUEUE.filled >> 2)] = filled - budget - frags;
    // counted once per poll: what a dying CPU had not counted, the ledger finds by its buffers
    const counters = rxCounters(queue) >> 3;
    f64[counters + (RX_COUNTERS.packets >> 3)]! += budget;
    f64[counters + (RX_COUNTERS.bytes >> 3)]! += bytes;
    f64[counters + (RX_COUNTERS.frags >> 3)]! += frags;
    f64[redirected]! += redirects;
    f64[redirectErr]! += redirectErrs;
    f64[passed]! += passes;
    f64[dropped]! += drops;
    f64[sent]! += sends;
    f64[aborted]! += budget - redirects - redirectErrs - passes - drops - sends;
    return budget;
  }

  /** Puts all buffers of the ring back and forgets what the hardware has filled. */
  function drainRing(queue: number): void {
    const q = queue >> 2;
    const size = u32[q + (RX_QUEUE.size >> 2)]!;
    const buffers = u32[q + (RX_QUEUE.buffers >> 2)]! >> 2;
    let left = u32[q + (RX_QUEUE.posted >> 2)]! + u32[q + (RX_QUEUE.filled >> 2)]!;
    for (let slot = u32[q + (RX_QUEUE.to_clean >> 2)]!; left > 0; left--) {
      pools.put(u32[buffers + slot]!);
      if (++slot === size) slot = 0;
    }
    u32[q + (RX_QUEUE.posted >> 2)] = 0;
    u32[q + (RX_QUEUE.filled >> 2)] = 0;
    pools.flush();
  }

  return (task, queue): TaskContext => {
    const q = queue >> 2;
    // this CPU allocates from the queue's pool from now on
    Atomics.store(u32, (u32[q + (RX_QUEUE.pool >> 2)]! + FRAME_POOL.cpu) >> 2, cpu);
    refill(queue);

    return {
      poll() {
        if (tasks.shouldStop(task)) {
          drainRing(queue);
          return GONE;
        }
        const wanted = Atomics.load(u32, q + (RX_QUEUE.irq_cpu >> 2));
        if (wanted !== cpu) {
          u32[(task + TASK.cpu) >> 2] = wanted;
          // from here on this CPU's kthreads return buffers as any other CPU does: the cache is the new owner's
          Atomics.store(u32, (u32[q + (RX_QUEUE.pool >> 2)]! + FRAME_POOL.cpu) >> 2, NO_CPU);
          const linearPool = u32[q + (RX_QUEUE.linear_pool >> 2)]!;
          if (linearPool !== 0) Atomics.store(u32, (linearPool + FRAME_POOL.cpu) >> 2, NO_CPU);
          tasks.post(task);
          return MOVED;
        }
        dma.receive(queue);
        const done = clean(queue);
        if (done > 0) {
          xdp.flush();
          pools.flush();
        }
        if (u32[q + (RX_QUEUE.posted >> 2)]! + u32[q + (RX_QUEUE.filled >> 2)]! < u32[q + (RX_QUEUE.size >> 2)]!) {
          refill(queue);
        }
        return done;
      },
      dueIn() {
        const due = dma.dueIn(queue);
        if (due === Number.POSITIVE_INFINITY) return due;
        return u32[q + (RX_QUEUE.posted >> 2)] === 0 ? RETRY_NS : Math.max(due, COALESCE_NS);
      },
      close: () => drainRing(queue),
    };
  };
}
