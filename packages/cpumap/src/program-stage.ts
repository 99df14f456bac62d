/**
 * The second program of an entry (5.9 and later): runs on the remote CPU on what was taken from the ring, before any
 * sk_buff is built. Frames that it passes stay in the batch, in order; the others are returned or redirected onward.
 */

import {
  attachFrameReturns,
  attachFrameToBuff,
  type FramePools,
  NET_DEVICE,
  type NetifReceive,
  SK_BUFF,
  type SkBuffs,
  XDP_BUFF,
  type XdpFrames,
} from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import {
  type Features,
  SKB_SHARED_INFO_SIZE,
  XDP_ABORTED,
  XDP_DROP,
  XDP_FLAGS_HAS_FRAGS,
  XDP_PASS,
  XDP_REDIRECT,
} from '@cpumap/uapi';
import type { Xdp } from '@cpumap/xdp';
import { CPUMAP_COUNTERS } from './counters.ts';

export interface ProgramStageParts {
  readonly memory: Memory;
  readonly xdp: Xdp;
  readonly frames: XdpFrames;
  readonly pools: FramePools;
  readonly features: Features;
  readonly skbs: SkBuffs;
  readonly stack: NetifReceive;
  readonly tracepoints: Tracepoints;
  /** This CPU's CPUMAP_COUNTERS. */
  readonly counters: number;
  /** An XDP_BUFF of this CPU's, for the kthreads. */
  readonly buff: number;
}

interface StageCounts {
  /** Frames and sk_buffs that were passed, moved to the front of their arrays. */
  frames: number;
  skbs: number;
  drop: number;
  redirect: number;
}

export interface ProgramStage {
  /** The result is one object, used again by the next call. */
  run(progId: number, frames: number, nrFrames: number, skbs: number, nrSkbs: number): StageCounts;
}

export function attachProgramStage(parts: ProgramStageParts): ProgramStage {
  const { memory, xdp, frames, skbs, tracepoints, stack, buff } = parts;
  const { u32, f64 } = memory;
  const frameToBuff = attachFrameToBuff(memory);
  const { returnFrame } = attachFrameReturns(memory, parts.pools, parts.features);
  const b = buff >> 2;
  const counts: StageCounts = { frames: 0, skbs: 0, drop: 0, redirect: 0 };
  const progDrop = (parts.counters + CPUMAP_COUNTERS.prog_drop) >> 3;
  const progRedirect = (parts.counters + CPUMAP_COUNTERS.prog_redirect) >> 3;

  const ifindexOf = (dev: number): number => u32[(dev + NET_DEVICE.ifindex) >> 2]!;

  function setDevice(dev: number, queue: number): void {
    u32[b + (XDP_BUFF.dev >> 2)] = dev;
    u32[b + (XDP_BUFF.ingress_ifindex >> 2)] = ifindexOf(dev);
    u32[b + (XDP_BUFF.rx_queue_index >> 2)] = queue;
    u32[b + (XDP_BUFF.egress_ifindex >> 2)] = 0;
  }

  /** The verdict on `buff`; a program that throws has aborted, and that is an exception event wherever it runs. */
  function verdict(progId: number, dev: number): number {
    try {
      return xdp.program(progId)(buff);
    } catch (error) {
      xdp.programThrew(progId, error);
      tracepoints.exception(progId, XDP_ABORTED, ifindexOf(dev));
      return XDP_DROP;
    }
  }

  /** True when the frame stays in the batch. Native frames fire no exception for ABORTED, TX or unknown (6.18). */
  function runFrame(progId: number, frame: number): boolean {
    const dev = frames.devRx(frame);
    frameToBuff(frame, buff);
    setDevice(dev, 0);
    const act = verdict(progId, dev);
    if (act === XDP_PASS && frames.fromBuff(buff) !== 0) return true;
    if (act === XDP_REDIRECT && xdp.doRedirect(buff) === 0) {
      counts.redirect++;
      return false;
    }
    returnFrame(frame);
    counts.drop++;
    return false;
  }

  /** The sk_buff's frame as a buff, MAC header included. */
  function skbToBuff(skb: number): void {
    const s = skb >> 2;
    const head = u32[s + (SK_BUFF.head >> 2)]!;
    const data = head + u32[s + (SK_BUFF.mac_header >> 2)]!;
    u32[b + (XDP_BUFF.data >> 2)] = data;
    u32[b + (XDP_BUFF.data_end >> 2)] = u32[s + (SK_BUFF.tail >> 2)]!;
    u32[b + (XDP_BUFF.data_meta >> 2)] = data - u32[s + (SK_BUFF.meta_len >> 2)]!;
    u32[b + (XDP_BUFF.data_hard_start >> 2)] = head;
    u32[b + (XDP_BUFF.frame_sz >> 2)] = u32[s + (SK_BUFF.end >> 2)]! - head + SKB_SHARED_INFO_SIZE;
    u32[b + (XDP_BUFF.flags >> 2)] = u32[s + (SK_BUFF.data_len >> 2)] === 0 ? 0 : XDP_FLAGS_HAS_FRAGS;
    u32[b + (XDP_BUFF.frag_size >> 2)] = 0;
  }

  function runSkb(progId: number, skb: number): boolean {
    const dev = u32[(skb + SK_BUFF.dev) >> 2]!;
    skbToBuff(skb);
    setDevice(dev, u32[(skb + SK_BUFF.queue_mapping) >> 2]! - 1);
    const act = verdict(progId, dev);
    if (act === XDP_PASS || act === XDP_REDIRECT) {
      skbs.fromBuff(buff); // the program may have moved the ends
      u32[(skb + SK_BUFF.redirected) >> 2] = 1;
      if (act === XDP_PASS) return true;
      if (xdp.doGenericRedirect(skb, dev) === 0) {
        counts.redirect++;
        return false;
      }
    } else if (act !== XDP_DROP) {
      tracepoints.exception(progId, act, ifindexOf(dev));
    }
    stack.free(skb);
    counts.drop++;
    return false;
  }

  return {
    run(progId, frameArray, nrFrames, skbArray, nrSkbs) {
      counts.frames = 0;
      counts.skbs = 0;
      counts.drop = 0;
      counts.redirect = 0;
      xdp.begin(progId);
      for (let i = 0; i < nrFrames; i++) {
        const frame = u32[(frameArray >> 2) + i]!;
        if (runFrame(progId, frame)) u32[(frameArray >> 2) + counts.frames++] = frame;
      }
      for (let i = 0; i < nrSkbs; i++) {
        const skb = u32[(skbArray >> 2) + i]!;
        if (runSkb(progId, skb)) u32[(skbArray >> 2) + counts.skbs++] = skb;
      }
      if (counts.redirect > 0) xdp.flush(); // once per batch, before the kthread's event
      f64[progDrop]! += counts.drop;
      f64[progRedirect]! += counts.redirect;
      return counts;
    },
  };
}
