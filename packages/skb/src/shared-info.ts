/**
 * struct skb_shared_info: the pieces of a frame that lie in other buffers. It is the end of the first buffer, so whoever
 * holds that one holds all of them.
 *
 * Owner  whoever holds the frame, as an xdp_buff, a descriptor or an sk_buff.
 * Valid  only when somebody says that there is more than one buffer: data_len of an sk_buff, XDP_FLAGS_HAS_FRAGS of a
 *        buff or descriptor. The many frames of one buffer never write it.
 *
 * Two kinds of pieces, as in the kernel: up to 17 frags (a buffer, an offset into it, a length), and after them whole
 * sk_buffs, linked by `next` from `frag_list` on, whose own linear data and frags follow.
 */
import type { Memory } from '@cpumap/smp';
import { MAX_SKB_FRAGS, PAGE_SIZE, SKB_FRAG, SKB_SHARED_INFO } from '@cpumap/uapi';
import type { FramePools } from './frame-pool.ts';
import { SK_BUFF } from './sk-buff.ts';

const NR_FRAGS = SKB_SHARED_INFO.nr_frags;
const FRAG_LIST = SKB_SHARED_INFO.frag_list;
const FRAGS = SKB_SHARED_INFO.frags;
const FRAGS_SIZE = SKB_SHARED_INFO.xdp_frags_size;
const FRAGS_TRUESIZE = SKB_SHARED_INFO.xdp_frags_truesize;

/** Only senders use a timestamp's key: here it is how many of the frags were frames of their own before GRO merged them. */
const SPLICED = SKB_SHARED_INFO.tskey;

export interface SharedInfos {
  /** Makes it valid and empty. */
  init(shinfo: number): void;
  nrFrags(shinfo: number): number;
  setNrFrags(shinfo: number, n: number): void;
  /** The SKB_FRAG of an index. */
  frag(shinfo: number, index: number): number;
  /**
   * Adds `len` bytes at `data` in `buffer` (a frame pool's address), which counts as a page; false when there are
   * MAX_SKB_FRAGS already.
   */
  addFrag(shinfo: number, buffer: number, data: number, len: number): boolean;
  /** The last frag added is the buffer of a frame that was one of its own. */
  countSpliced(shinfo: number): void;
  /** Gives the buffers of all frags back to their pools. Those of a frag_list are not looked at. */
  putFrags(shinfo: number, pools: FramePools): void;
}

export function attachSharedInfos({ u8, u32 }: Memory): SharedInfos {
  const frag = (shinfo: number, index: number): number => shinfo + FRAGS + index * SKB_FRAG.sizeof;
  return {
    init(shinfo) {
      u8.fill(0, shinfo, shinfo + FRAGS);
    },
    nrFrags: (shinfo) => u8[shinfo + NR_FRAGS]!,
    setNrFrags(shinfo, n) {
      u8[shinfo + NR_FRAGS] = n;
    },
    frag,
    addFrag(shinfo, buffer, data, len) {
      const n = u8[shinfo + NR_FRAGS]!;
      if (n === MAX_SKB_FRAGS) return false;
      const at = frag(shinfo, n);
      u32[(at + SKB_FRAG.netmem) >> 2] = buffer;
      u32[(at + SKB_FRAG.len) >> 2] = len;
      u32[(at + SKB_FRAG.offset) >> 2] = data - buffer;
      u8[shinfo + NR_FRAGS] = n + 1;
      u32[(shinfo + FRAGS_SIZE) >> 2]! += len;
      u32[(shinfo + FRAGS_TRUESIZE) >> 2]! += PAGE_SIZE;
      return true;
    },
    countSpliced(shinfo) {
      u32[(shinfo + SPLICED) >> 2]! += 1;
    },
    putFrags(shinfo, pools) {
      const n = u8[shinfo + NR_FRAGS]!;
      // which of them were frames does not matter: `putFrag` differs in the count alone
      const frames = u32[(shinfo + SPLICED) >> 2]!;
      for (let i = 0; i < n; i++) {
        const buffer = u32[(frag(shinfo, i) + SKB_FRAG.netmem) >> 2]!;
        if (i < frames) pools.put(buffer);
        else pools.putFrag(buffer);
      }
    },
  };
}

/** The pieces of an sk_buff that has any, in the order of the frame: its frags, then its frag_list. For rare reading. */
export function forEachPiece(memory: Memory, skb: number, piece: (data: number, len: number) => void): void {
  const { u32 } = memory;
  const infos = attachSharedInfos(memory);
  const shinfo = u32[(skb + SK_BUFF.end) >> 2]!;
  for (let i = 0; i < infos.nrFrags(shinfo); i++) {
    const frag = infos.frag(shinfo, i) >> 2;
    piece(u32[frag + (SKB_FRAG.netmem >> 2)]! + u32[frag + (SKB_FRAG.offset >> 2)]!, u32[frag + (SKB_FRAG.len >> 2)]!);
  }
  for (let next = u32[(shinfo + FRAG_LIST) >> 2]!; next !== 0; next = u32[(next + SK_BUFF.next) >> 2]!) {
    const data = u32[(next + SK_BUFF.data) >> 2]!;
    piece(data, u32[(next + SK_BUFF.tail) >> 2]! - data);
    if (u32[(next + SK_BUFF.data_len) >> 2] !== 0) forEachPiece(memory, next, piece);
  }
}

/** How many frames an sk_buff stands for: 1, unless GRO merged several. */
export function attachGsoSegs({ u16, u32 }: Memory): (skb: number) => number {
  const DATA_LEN = SK_BUFF.data_len >> 2;
  const END = SK_BUFF.end >> 2;
  const SEGS = SKB_SHARED_INFO.gso_segs;
  return (skb) => (u32[(skb >> 2) + DATA_LEN] === 0 ? 1 : Math.max(1, u16[(u32[(skb >> 2) + END]! + SEGS) >> 1]!));
}

/** kfree_skb: gives back all buffers of an sk_buff. */
export function attachFreeSkb(memory: Memory, pools: FramePools, frameOf: (skb: number) => number) {
  const { u32 } = memory;
  const DATA_LEN = SK_BUFF.data_len >> 2;
  const END = SK_BUFF.end >> 2;
  const infos = attachSharedInfos(memory);

  /** What hangs on the first buffer. */
  function freePieces(skb: number): void {
    const shinfo = u32[(skb >> 2) + END]!;
    infos.putFrags(shinfo, pools);
    for (let next = u32[(shinfo + FRAG_LIST) >> 2]!; next !== 0; ) {
      const after = u32[(next + SK_BUFF.next) >> 2]!;
      freeSkb(next);
      next = after;
    }
  }

  function freeSkb(skb: number): void {
    if (u32[(skb >> 2) + DATA_LEN] !== 0) freePieces(skb);
    pools.put(frameOf(skb));
  }

  return { freeSkb, freePieces };
}
