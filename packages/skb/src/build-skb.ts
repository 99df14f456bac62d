/**
 * Building sk_buffs: from a descriptor on the remote CPU, and from a frame that a driver passes on. Nothing is allocated,
 * the struct lies in front of its frame.
 */
import { type Features, SK_BUFF_SIZE, SKB_SHARED_INFO_SIZE, XDP_FRAME } from '@cpumap/uapi';
import type { Memory } from '@cpumap/smp';
import { attachEthTypeTrans } from './eth-type-trans.ts';
import { SK_BUFF } from './sk-buff.ts';
import { XDP_BUFF } from './xdp-buff.ts';
import type { XdpFrames } from './xdp-frame.ts';

const BUFFER = SK_BUFF_SIZE;
const FRAME_DATA = XDP_FRAME.data >> 2;
const FRAME_DEV = XDP_FRAME.dev_rx >> 2;
const FRAME_SZ = XDP_FRAME.frame_sz >> 2;

export interface SkBuffs {
  /** Builds the sk_buff of a redirected frame on the remote CPU (mirrors cpu_map_build_skb, by release). */
  fromFrame(frame: number): number;
  /** Builds the sk_buff of a frame that a driver passes on, or hands to generic XDP. */
  fromBuff(buff: number): number;
  /** The buffer whose memory the sk_buff holds. */
  frameOf(skb: number): number;
}

export function attachSkBuffs(memory: Memory, frames: XdpFrames, features: Features): SkBuffs {
  const { u32 } = memory;
  const ethTypeTrans = attachEthTypeTrans(memory);

  function fill(skb: number, head: number, size: number, data: number, len: number, meta: number, dev: number): void {
    const s = skb >> 2;
    u32[s + (SK_BUFF.len >> 2)] = len;
    u32[s + (SK_BUFF.truesize >> 2)] = size + SK_BUFF_SIZE;
    u32[s + (SK_BUFF.head >> 2)] = head;
    u32[s + (SK_BUFF.data >> 2)] = data;
    u32[s + (SK_BUFF.tail >> 2)] = data + len;
    u32[s + (SK_BUFF.end >> 2)] = head + size - SKB_SHARED_INFO_SIZE;
    u32[s + (SK_BUFF.meta_len >> 2)] = meta;
    u32[s + (SK_BUFF.queue_mapping >> 2)] = 0;
    u32[s + (SK_BUFF.redirected >> 2)] = 0;
    ethTypeTrans(skb, dev);
  }

  /** 5.8 and later: the sk_buff covers the whole buffer, descriptor included; the driver says how large that is. */
  function fromFrameCovering(frame: number): number {
    const skb = frame - BUFFER;
    const f = frame >> 2;
    const size = u32[f + FRAME_SZ]!;
    fill(skb, frame, size, frames.data(frame), frames.len(frame), frames.metasize(frame), frames.devRx(frame));
    // mirrors xdp_scrub_frame: no pointers stay where the stack's users can read them
    u32[f + FRAME_DATA] = 0;
    u32[f + FRAME_DEV] = 0;
    return skb;
  }

  /** 4.15: the sk_buff starts behind the descriptor, and its size follows the length of the packet. */
  function fromFrameBehind(frame: number): number {
    const skb = frame - BUFFER;
    const head = frame + frames.sizeof;
    const data = frames.data(frame);
    const len = frames.len(frame);
    const size = Math.ceil(len / 64) * 64 + (data - head) + SKB_SHARED_INFO_SIZE;
    fill(skb, head, size, data, len, frames.metasize(frame), frames.devRx(frame));
    return skb;
  }

  return {
    fromFrame: features.frameSize ? fromFrameCovering : fromFrameBehind,
    fromBuff(buff) {
      const b = buff >> 2;
      const data = u32[b + (XDP_BUFF.data >> 2)]!;
      const hardStart = u32[b + (XDP_BUFF.data_hard_start >> 2)]!;
      const skb = hardStart - BUFFER;
      const len = u32[b + (XDP_BUFF.data_end >> 2)]! - data;
      const meta = data - u32[b + (XDP_BUFF.data_meta >> 2)]!;
      const size = u32[b + (XDP_BUFF.frame_sz >> 2)]!;
      fill(skb, hardStart, size, data, len, meta > 0 ? meta : 0, u32[b + (XDP_BUFF.dev >> 2)]!);
      u32[(skb + SK_BUFF.queue_mapping) >> 2] = u32[b + (XDP_BUFF.rx_queue_index >> 2)]! + 1;
      return skb;
    },
    frameOf: (skb) => skb + BUFFER,
  };
}
