/**
 * The frame descriptor: what travels through a ring. It lies at the top of the frame's own headroom, so a redirect
 * allocates nothing, and the buffer's address is the descriptor's.
 *
 * 24 bytes in 4.15 (struct xdp_pkt), 40 bytes in 6.18 (struct xdp_frame); both drop the frame with EOVERFLOW at the
 * redirect when the program left no room for it.
 *
 * Owner  whoever holds the frame: the redirecting CPU writes it, the ring slot publishes it, the remote CPU reads it.
 */

import type { Memory } from '@cpumap/smp';
import {
  type Features,
  SKB_SHARED_INFO,
  SKB_SHARED_INFO_SIZE,
  XDP_FLAGS_HAS_FRAGS,
  XDP_FRAME,
  XDP_PKT,
} from '@cpumap/uapi';
import { XDP_BUFF } from './xdp-buff.ts';

const MEM_TYPE_PAGE_POOL = 2;

export interface XdpFrames {
  readonly sizeof: number;
  /** mirrors xdp_convert_buff_to_frame: the descriptor's address, or 0 when there is no room for it. */
  fromBuff(buff: number): number;
  data(frame: number): number;
  /** Bytes in the first buffer. */
  len(frame: number): number;
  /** Bytes in all buffers: xdp_get_frame_len. */
  fullLen(frame: number): number;
  metasize(frame: number): number;
  devRx(frame: number): number;
  setDevRx(frame: number, dev: number): void;
}

export function attachXdpFrames(memory: Memory, features: Features): XdpFrames {
  return features.frags ? frames618(memory) : frames415(memory);
}

/** Bytes of metadata in front of the data; a driver without metadata has data_meta behind data. */
function metaBytes(data: number, dataMeta: number): number {
  return Math.max(data - dataMeta, 0);
}

function frames618({ u32 }: Memory): XdpFrames {
  // bound here: V8 folds a constant of this function into its code, one of the bundled module it loads each time
  const SIZE = XDP_FRAME.sizeof;
  const TAILROOM = SKB_SHARED_INFO_SIZE;
  const FRAME_DEV_RX = XDP_FRAME.dev_rx >> 2;
  const PAGE_POOL = MEM_TYPE_PAGE_POOL;
  const DATA = XDP_BUFF.data >> 2;
  const DATA_END = XDP_BUFF.data_end >> 2;
  const DATA_HARD_START = XDP_BUFF.data_hard_start >> 2;
  const FRAME_SZ = XDP_BUFF.frame_sz >> 2;
  const DATA_META = XDP_BUFF.data_meta >> 2;
  const FLAGS = XDP_BUFF.flags >> 2;
  const FRAME_DATA = XDP_FRAME.data >> 2;
  const FRAME_LEN = XDP_FRAME.len >> 2;
  const FRAME_HEADROOM = XDP_FRAME.headroom >> 2;
  const FRAME_METASIZE = XDP_FRAME.metasize >> 2;
  const FRAME_MEM_TYPE = XDP_FRAME.mem_type >> 2;
  const FRAME_FRAME_SZ = XDP_FRAME.frame_sz >> 2;
  const FRAME_FLAGS = XDP_FRAME.flags >> 2;
  const HAS_FRAGS = XDP_FLAGS_HAS_FRAGS;
  const FRAGS_SIZE = (SKB_SHARED_INFO.xdp_frags_size - TAILROOM) >> 2;
  return {
    sizeof: SIZE,
    fromBuff(buff) {
      const b = buff >> 2;
      const data = u32[b + DATA]!;
      const dataEnd = u32[b + DATA_END]!;
      const hardStart = u32[b + DATA_HARD_START]!;
      const frameSz = u32[b + FRAME_SZ]!;
      const headroom = data - hardStart;
      const metasize = metaBytes(data, u32[b + DATA_META]!);
      if (headroom - metasize < SIZE || dataEnd > hardStart + frameSz - TAILROOM) return 0;
      const f = hardStart >> 2;
      u32[f + FRAME_DATA] = data;
      u32[f + FRAME_LEN] = dataEnd - data;
      u32[f + FRAME_HEADROOM] = headroom - SIZE;
      u32[f + FRAME_METASIZE] = metasize;
      u32[f + FRAME_MEM_TYPE] = PAGE_POOL;
      u32[f + FRAME_FRAME_SZ] = frameSz;
      u32[f + FRAME_FLAGS] = u32[b + FLAGS]!;
      return hardStart;
    },
    data: (frame) => u32[(frame >> 2) + FRAME_DATA]!,
    len: (frame) => u32[(frame >> 2) + FRAME_LEN]!,
    fullLen(frame) {
      const f = frame >> 2;
      const len = u32[f + FRAME_LEN]!;
      if ((u32[f + FRAME_FLAGS]! & HAS_FRAGS) === 0) return len;
      return len + u32[f + (u32[f + FRAME_FRAME_SZ]! >> 2) + FRAGS_SIZE]!;
    },
    metasize: (frame) => u32[(frame >> 2) + FRAME_METASIZE]!,
    devRx: (frame) => u32[(frame >> 2) + FRAME_DEV_RX]!,
    setDevRx(frame, dev) {
      u32[(frame >> 2) + FRAME_DEV_RX] = dev;
    },
  };
}

function frames415({ u16, u32 }: Memory): XdpFrames {
  const SIZE = XDP_PKT.sizeof;
  return {
    sizeof: SIZE,
    fromBuff(buff) {
      const b = buff >> 2;
      const data = u32[b + (XDP_BUFF.data >> 2)]!;
      const hardStart = u32[b + (XDP_BUFF.data_hard_start >> 2)]!;
      const headroom = data - hardStart;
      const metasize = metaBytes(data, u32[b + (XDP_BUFF.data_meta >> 2)]!);
      if (headroom - metasize < SIZE) return 0;
      u32[(hardStart + XDP_PKT.data) >> 2] = data;
      u16[(hardStart + XDP_PKT.len) >> 1] = u32[b + (XDP_BUFF.data_end >> 2)]! - data;
      u16[(hardStart + XDP_PKT.headroom) >> 1] = headroom - SIZE;
      u16[(hardStart + XDP_PKT.metasize) >> 1] = metasize;
      return hardStart;
    },
    data: (frame) => u32[(frame + XDP_PKT.data) >> 2]!,
    len: (frame) => u16[(frame + XDP_PKT.len) >> 1]!,
    fullLen: (frame) => u16[(frame + XDP_PKT.len) >> 1]!,
    metasize: (frame) => u16[(frame + XDP_PKT.metasize) >> 1]!,
    devRx: (frame) => u32[(frame + XDP_PKT.dev_rx) >> 2]!,
    setDevRx(frame, dev) {
      u32[(frame + XDP_PKT.dev_rx) >> 2] = dev;
    },
  };
}

/** mirrors xdp_convert_frame_to_buff: sets up `buff` for a second program. Releases with second programs only. */
export function attachFrameToBuff({ u32 }: Memory): (frame: number, buff: number) => void {
  return (frame, buff) => {
    const f = frame >> 2;
    const b = buff >> 2;
    const data = u32[f + (XDP_FRAME.data >> 2)]!;
    u32[b + (XDP_BUFF.data >> 2)] = data;
    u32[b + (XDP_BUFF.data_end >> 2)] = data + u32[f + (XDP_FRAME.len >> 2)]!;
    u32[b + (XDP_BUFF.data_meta >> 2)] = data - u32[f + (XDP_FRAME.metasize >> 2)]!;
    u32[b + (XDP_BUFF.data_hard_start >> 2)] = frame;
    u32[b + (XDP_BUFF.frame_sz >> 2)] = u32[f + (XDP_FRAME.frame_sz >> 2)]!;
    u32[b + (XDP_BUFF.flags >> 2)] = u32[f + (XDP_FRAME.flags >> 2)]!;
    u32[b + (XDP_BUFF.frag_size >> 2)] = 0; // no RX queue stands behind a descriptor
  };
}
