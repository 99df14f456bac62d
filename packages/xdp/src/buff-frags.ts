/**
 * An xdp_buff of several buffers: how long it is, its bytes by offset, and moving its end. What programs reach directly is
 * the first buffer; the helpers here see the whole frame.
 *
 * Owner  the context that holds the buff. A frag that the end moves out of goes back to its pool at once.
 */
import { attachSharedInfos, type FramePools, XDP_BUFF } from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import { ERRNO, ETH_HLEN, SKB_FRAG, SKB_SHARED_INFO, SKB_SHARED_INFO_SIZE, XDP_FLAGS_HAS_FRAGS } from '@cpumap/uapi';

const EINVAL = -ERRNO.EINVAL;
const EFAULT = -ERRNO.EFAULT;
const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
const MOST_BYTES = 0xffff;

export interface BuffFrags {
  hasFrags(ctx: number): boolean;
  /** xdp_get_buff_len: bytes of all buffers. */
  len(ctx: number): number;
  /** Copies `size` bytes from `offset` on to `to`. 0, -EFAULT for numbers of more than 16 bits, -EINVAL behind the end. */
  load(ctx: number, offset: number, to: number, size: number): number;
  store(ctx: number, offset: number, from: number, size: number): number;
  /** bpf_xdp_adjust_tail of a buff that has frags. */
  adjustTail(ctx: number, delta: number): number;
}

export function attachBuffFrags(memory: Memory, pools: Pick<FramePools, 'putFrag'>): BuffFrags {
  const { u8, u32 } = memory;
  const infos = attachSharedInfos(memory);
  const DATA = XDP_BUFF.data >> 2;
  const DATA_END = XDP_BUFF.data_end >> 2;
  const HARD_START = XDP_BUFF.data_hard_start >> 2;
  const FRAME_SZ = XDP_BUFF.frame_sz >> 2;
  const FLAGS = XDP_BUFF.flags >> 2;
  const FRAG_SIZE = XDP_BUFF.frag_size >> 2;
  const HAS_FRAGS = XDP_FLAGS_HAS_FRAGS;
  const FRAGS_SIZE = SKB_SHARED_INFO.xdp_frags_size >> 2;
  const NETMEM = SKB_FRAG.netmem >> 2;
  const LEN = SKB_FRAG.len >> 2;
  const OFFSET = SKB_FRAG.offset >> 2;

  const hasFrags = (ctx: number): boolean => (u32[(ctx >> 2) + FLAGS]! & HAS_FRAGS) !== 0;
  const shinfoOf = (ctx: number): number => {
    const b = ctx >> 2;
    return u32[b + HARD_START]! + u32[b + FRAME_SZ]! - SKB_SHARED_INFO_SIZE;
  };

  function len(ctx: number): number {
    const b = ctx >> 2;
    const linear = u32[b + DATA_END]! - u32[b + DATA]!;
    return hasFrags(ctx) ? linear + u32[(shinfoOf(ctx) >> 2) + FRAGS_SIZE]! : linear;
  }

  /** Copies between the frame from `offset` on and `other`, piece by piece. */
  function copyPieces(ctx: number, offset: number, other: number, size: number, isLoad: boolean): void {
    const b = ctx >> 2;
    const shinfo = shinfoOf(ctx);
    let piece = u32[b + DATA]!;
    let pieceLen = u32[b + DATA_END]! - piece;
    let skip = offset;
    let done = 0;
    for (let i = 0; ; i++) {
      if (skip < pieceLen) {
        const n = Math.min(pieceLen - skip, size - done);
        const at = piece + skip;
        if (isLoad) u8.copyWithin(other + done, at, at + n);
        else u8.copyWithin(at, other + done, other + done + n);
        done += n;
        if (done === size) return;
        skip = 0;
      } else skip -= pieceLen;
      const frag = infos.frag(shinfo, i) >> 2;
      piece = u32[frag + NETMEM]! + u32[frag + OFFSET]!;
      pieceLen = u32[frag + LEN]!;
    }
  }

  /** mirrors bpf_xdp_pointer: numbers beyond 16 bits first, then the frame's end. */
  function move(ctx: number, offset: number, other: number, size: number, isLoad: boolean): number {
    if (offset >>> 0 > MOST_BYTES || size >>> 0 > MOST_BYTES) return EFAULT;
    if (offset + size > len(ctx)) return EINVAL;
    copyPieces(ctx, offset, other, size, isLoad);
    return 0;
  }

  /** mirrors bpf_xdp_frags_increase_tail: the last frag grows as far as its buffer goes; its size is the RX queue's. */
  function grow(ctx: number, delta: number): number {
    const b = ctx >> 2;
    const fragSize = u32[b + FRAG_SIZE]!;
    if (fragSize === 0 || fragSize > u32[b + FRAME_SZ]!) return EOPNOTSUPP;
    const shinfo = shinfoOf(ctx);
    const frag = infos.frag(shinfo, infos.nrFrags(shinfo) - 1) >> 2;
    const before = u32[frag + LEN]!;
    if (delta > fragSize - before - u32[frag + OFFSET]!) return EINVAL;
    const end = u32[frag + NETMEM]! + u32[frag + OFFSET]! + before;
    u8.fill(0, end, end + delta);
    u32[frag + LEN] = before + delta;
    u32[(shinfo >> 2) + FRAGS_SIZE]! += delta;
    return 0;
  }

  /** mirrors bpf_xdp_frags_shrink_tail: frags that nothing is left of go; behind the last of them the first buffer shrinks. */
  function shrink(ctx: number, delta: number): number {
    if (delta > len(ctx) - ETH_HLEN) return EINVAL;
    const b = ctx >> 2;
    const shinfo = shinfoOf(ctx);
    let left = delta;
    for (let i = infos.nrFrags(shinfo) - 1; i >= 0 && left > 0; i--) {
      const frag = infos.frag(shinfo, i) >> 2;
      const n = Math.min(left, u32[frag + LEN]!);
      left -= n;
      u32[frag + LEN]! -= n;
      u32[(shinfo >> 2) + FRAGS_SIZE]! -= n;
      if (u32[frag + LEN] !== 0) continue;
      pools.putFrag(u32[frag + NETMEM]!);
      infos.setNrFrags(shinfo, i);
    }
    if (infos.nrFrags(shinfo) === 0) {
      u32[b + FLAGS]! &= ~HAS_FRAGS;
      u32[b + DATA_END]! -= left;
    }
    return 0;
  }

  return {
    hasFrags,
    len,
    load: (ctx, offset, to, size) => move(ctx, offset, to, size, true),
    store: (ctx, offset, from, size) => move(ctx, offset, from, size, false),
    // -0x80000000 has no positive counterpart: like the kernel's int it stays negative, and moves nothing
    adjustTail: (ctx, delta) => (delta < 0 ? shrink(ctx, -delta | 0) : grow(ctx, delta)),
  };
}
