/**
 * Building sk_buffs: from a descriptor on the remote CPU, and from a frame that a driver passes on. Nothing is allocated,
 * the struct lies in front of its frame.
 */

import type { Memory } from '@cpumap/smp';
import {
  ETH_HLEN,
  type Features,
  SK_BUFF_SIZE,
  SKB_SHARED_INFO,
  SKB_SHARED_INFO_SIZE,
  XDP_FLAGS_HAS_FRAGS,
  XDP_FRAME,
} from '@cpumap/uapi';
import { attachEthTypeTrans } from './eth-type-trans.ts';
import { NET_DEVICE } from './net-device.ts';
import { SK_BUFF } from './sk-buff.ts';
import { XDP_BUFF } from './xdp-buff.ts';
import type { XdpFrames } from './xdp-frame.ts';

export interface SkBuffs {
  /** `fromFrame` of `n` frames, the words at `list`, in place. */
  fromFrames(list: number, n: number): void;
  /** Builds the sk_buff of a redirected frame on the remote CPU (mirrors cpu_map_build_skb, by release). */
  fromFrame(frame: number): number;
  /** Builds the sk_buff of a frame that a driver passes on, or hands to generic XDP. */
  fromBuff(buff: number): number;
  /** The buffer whose memory the sk_buff holds. */
  frameOf(skb: number): number;
}

export function attachSkBuffs(memory: Memory, frames: XdpFrames, features: Features): SkBuffs {
  // bound here: V8 folds a constant of this function into its code, one of the bundled module it loads each time
  const FRAME_DATA = XDP_FRAME.data >> 2;
  const FRAME_DEV = XDP_FRAME.dev_rx >> 2;
  const FRAME_SZ = XDP_FRAME.frame_sz >> 2;
  const LEN = SK_BUFF.len >> 2;
  const TRUESIZE = SK_BUFF.truesize >> 2;
  const HEAD = SK_BUFF.head >> 2;
  const DATA = SK_BUFF.data >> 2;
  const TAIL = SK_BUFF.tail >> 2;
  const END = SK_BUFF.end >> 2;
  const DEV = SK_BUFF.dev >> 2;
  const SKB_IIF = SK_BUFF.skb_iif >> 2;
  const MAC_HEADER = SK_BUFF.mac_header >> 2;
  const NETWORK_HEADER = SK_BUFF.network_header >> 2;
  const PROTOCOL = SK_BUFF.protocol >> 2;
  const PKT_TYPE = SK_BUFF.pkt_type >> 2;
  const META_LEN = SK_BUFF.meta_len >> 2;
  const QUEUE_MAPPING = SK_BUFF.queue_mapping >> 2;
  const REDIRECTED = SK_BUFF.redirected >> 2;
  const DATA_LEN = SK_BUFF.data_len >> 2;
  const FLAGS = XDP_BUFF.flags >> 2;
  const FRAME_FLAGS = XDP_FRAME.flags >> 2;
  const HAS_FRAGS = XDP_FLAGS_HAS_FRAGS;
  const FRAGS_SIZE = SKB_SHARED_INFO.xdp_frags_size >> 2;
  const FRAGS_TRUESIZE = SKB_SHARED_INFO.xdp_frags_truesize >> 2;
  const IFINDEX = NET_DEVICE.ifindex >> 2;
  const BUFFER = SK_BUFF_SIZE;
  const TAILROOM = SKB_SHARED_INFO_SIZE;
  const HLEN = ETH_HLEN;
  const { u32 } = memory;
  const eth = attachEthTypeTrans(memory);

  function fill(skb: number, head: number, size: number, data: number, len: number, meta: number, dev: number): void {
    const s = skb >> 2;
    u32[s + LEN] = len - HLEN;
    u32[s + TRUESIZE] = size + BUFFER;
    u32[s + HEAD] = head;
    u32[s + DATA] = data + HLEN;
    u32[s + TAIL] = data + len;
    u32[s + END] = head + size - TAILROOM;
    u32[s + DEV] = dev;
    u32[s + SKB_IIF] = u32[(dev >> 2) + IFINDEX]!;
    u32[s + MAC_HEADER] = data - head;
    u32[s + NETWORK_HEADER] = data + HLEN - head;
    u32[s + PROTOCOL] = eth.protocol(data, len);
    u32[s + PKT_TYPE] = eth.pktType(data, dev);
    u32[s + META_LEN] = meta;
    u32[s + QUEUE_MAPPING] = 0;
    u32[s + REDIRECTED] = 0;
    u32[s + DATA_LEN] = 0;
  }

  /** 5.8 and later: the sk_buff covers the whole buffer, descriptor included; the driver says how large that is. */
  function fromFrameCovering(frame: number): number {
    const skb = frame - BUFFER;
    const f = frame >> 2;
    const size = u32[f + FRAME_SZ]!;
    fill(skb, frame, size, frames.data(frame), frames.len(frame), frames.metasize(frame), frames.devRx(frame));
    if ((u32[f + FRAME_FLAGS]! & HAS_FRAGS) !== 0) addFrags(skb);
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
    const size = Math.ceil(len / 64) * 64 + (data - head) + TAILROOM;
    fill(skb, head, size, data, len, frames.metasize(frame), frames.devRx(frame));
    return skb;
  }

  /** mirrors xdp_update_skb_frags_info: what the shared info of a frame with frags says of it. */
  function addFrags(skb: number): void {
    const s = skb >> 2;
    const shinfo = u32[s + END]! >> 2;
    const size = u32[shinfo + FRAGS_SIZE]!;
    u32[s + LEN]! += size;
    u32[s + DATA_LEN] = size;
    u32[s + TRUESIZE]! += u32[shinfo + FRAGS_TRUESIZE]!;
  }

  const fromFrame = features.frameSize ? fromFrameCovering : fromFrameBehind;

  return {
    fromFrame,
    fromFrames(list, n) {
      const words = list >> 2;
      for (let i = 0; i < n; i++) u32[words + i] = fromFrame(u32[words + i]!);
    },
    fromBuff(buff) {
      const b = buff >> 2;
      const data = u32[b + (XDP_BUFF.data >> 2)]!;
      const hardStart = u32[b + (XDP_BUFF.data_hard_start >> 2)]!;
      const skb = hardStart - BUFFER;
      const len = u32[b + (XDP_BUFF.data_end >> 2)]! - data;
      const meta = data - u32[b + (XDP_BUFF.data_meta >> 2)]!;
      const size = u32[b + (XDP_BUFF.frame_sz >> 2)]!;
      fill(skb, hardStart, size, data, len, Math.max(meta, 0), u32[b + (XDP_BUFF.dev >> 2)]!);
      if ((u32[b + FLAGS]! & HAS_FRAGS) !== 0) addFrags(skb);
      u32[(skb + SK_BUFF.queue_mapping) >> 2] = u32[b + (XDP_BUFF.rx_queue_index >> 2)]! + 1;
      return skb;
    },
    frameOf: (skb) => skb + BUFFER,
  };
}
