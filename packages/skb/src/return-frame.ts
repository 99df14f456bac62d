/**
 * xdp_return_frame and xdp_return_buff: a frame that is not wanted any more goes back, all its buffers. Whoever holds a
 * frame as a descriptor or a buff frees it through these; sk_buffs are freed by kfree_skb (shared-info.ts).
 */
import type { Memory } from '@cpumap/smp';
import { type Features, SKB_SHARED_INFO_SIZE, XDP_FLAGS_HAS_FRAGS, XDP_FRAME } from '@cpumap/uapi';
import type { FramePools } from './frame-pool.ts';
import { attachSharedInfos } from './shared-info.ts';
import { XDP_BUFF } from './xdp-buff.ts';

export interface FrameReturns {
  /** Of a frame whose descriptor is written. */
  returnFrame(frame: number): void;
  returnBuff(buff: number): void;
}

export function attachFrameReturns(memory: Memory, pools: FramePools, features: Features): FrameReturns {
  const { u32 } = memory;
  const HAS_FRAGS = XDP_FLAGS_HAS_FRAGS;
  const TAILROOM = SKB_SHARED_INFO_SIZE;
  const HARD_START = XDP_BUFF.data_hard_start >> 2;
  const FRAME_SZ = XDP_BUFF.frame_sz >> 2;
  const FLAGS = XDP_BUFF.flags >> 2;
  const FRAME_FLAGS = XDP_FRAME.flags >> 2;
  const FRAME_FRAME_SZ = XDP_FRAME.frame_sz >> 2;
  const infos = attachSharedInfos(memory);
  const { put } = pools;

  return {
    returnFrame: features.frags
      ? (frame) => {
          const f = frame >> 2;
          if ((u32[f + FRAME_FLAGS]! & HAS_FRAGS) !== 0) {
            infos.putFrags(frame + u32[f + FRAME_FRAME_SZ]! - TAILROOM, pools);
          }
          put(frame);
        }
      : put,
    returnBuff(buff) {
      const b = buff >> 2;
      const frame = u32[b + HARD_START]!;
      if ((u32[b + FLAGS]! & HAS_FRAGS) !== 0) infos.putFrags(frame + u32[b + FRAME_SZ]! - TAILROOM, pools);
      put(frame);
    },
  };
}
