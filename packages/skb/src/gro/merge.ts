/**
 * skb_gro_receive: the payload of a packet joins the packet that is held.
 *
 * Its buffer becomes one more frag; when there are 17, the packet itself goes on the frag_list, and the buffers that
 * follow become frags of it. mirrors skb_gro_receive of 6.18, with sk_buffs whose heads are always page frags.
 */
import type { Memory } from '@cpumap/smp';
import { MAX_SKB_FRAGS, SK_BUFF_SIZE, SKB_FRAG, SKB_SHARED_INFO } from '@cpumap/uapi';
import type { SkBuffs } from '../build-skb.ts';
import { attachSharedInfos } from '../shared-info.ts';
import { SK_BUFF } from '../sk-buff.ts';
import { GRO_CB, GRO_MAX_SIZE } from './gro-cb.ts';

export interface GroMerge {
  /** False when the two cannot be one; `skb` is then untouched. */
  merge(held: number, skb: number): boolean;
}

export function attachGroMerge(memory: Memory, skbs: SkBuffs): GroMerge {
  const { u8, u32 } = memory;
  const LEN = SK_BUFF.len >> 2;
  const TRUESIZE = SK_BUFF.truesize >> 2;
  const DATA = SK_BUFF.data >> 2;
  const TAIL = SK_BUFF.tail >> 2;
  const END = SK_BUFF.end >> 2;
  const DATA_LEN = SK_BUFF.data_len >> 2;
  const NEXT = SK_BUFF.next >> 2;
  const FRAG_LIST = SKB_SHARED_INFO.frag_list;
  const FRAGS = SKB_SHARED_INFO.frags;
  const NR_FRAGS = SKB_SHARED_INFO.nr_frags;
  const FRAG_BYTES = SKB_FRAG.sizeof;
  const MAX_FRAGS = MAX_SKB_FRAGS;
  const MAX_SIZE = GRO_MAX_SIZE;
  const { count: COUNT, data_offset: OFFSET, flush: FLUSH, last: LAST, same_flow: SAME_FLOW } = GRO_CB;
  const infos = attachSharedInfos(memory);

  /** The buffer and the frags of `skb` follow those of `last`; false when there is no room for all of them. */
  function spliceFrags(last: number, skb: number, data: number): boolean {
    const info = u32[(last >> 2) + END]!;
    if (u32[(last >> 2) + DATA_LEN] === 0) infos.init(info);
    const own = u32[(skb >> 2) + DATA_LEN] === 0 ? 0 : u8[u32[(skb >> 2) + END]! + NR_FRAGS]!;
    const nr = u8[info + NR_FRAGS]!;
    if (nr + 1 + own > MAX_FRAGS) return false;
    infos.addFrag(info, skbs.frameOf(skb), data, u32[(skb >> 2) + TAIL]! - data);
    infos.countSpliced(info);
    if (own > 0) {
      const from = u32[(skb >> 2) + END]! + FRAGS;
      u8.copyWithin(info + FRAGS + (nr + 1) * FRAG_BYTES, from, from + own * FRAG_BYTES);
      u8[info + NR_FRAGS] = nr + 1 + own;
    }
    return true;
  }

  function joinFragList(held: number, skb: number, offset: number): void {
    const s = skb >> 2;
    u32[s + DATA] = u32[s + DATA]! + offset;
    u32[s + LEN] = u32[s + LEN]! - offset;
    u32[s + NEXT] = 0;
    const last = u32[(held >> 2) + LAST]!;
    if (last === held) u32[(u32[(held >> 2) + END]! + FRAG_LIST) >> 2] = skb;
    else u32[(last >> 2) + NEXT] = skb;
    u32[(held >> 2) + LAST] = skb;
  }

  function grow(skb: number, len: number, truesize: number): void {
    const s = skb >> 2;
    u32[s + DATA_LEN] = u32[s + DATA_LEN]! + len;
    u32[s + TRUESIZE] = u32[s + TRUESIZE]! + truesize;
    u32[s + LEN] = u32[s + LEN]! + len;
  }

  return {
    merge(held, skb) {
      const h = held >> 2;
      const s = skb >> 2;
      const offset = u32[s + OFFSET]!;
      const len = u32[s + LEN]! - offset;
      if (u32[h + LEN]! + len >= MAX_SIZE || u32[s + FLUSH] !== 0) return false;
      const last = u32[h + LAST]!;
      const truesize = u32[s + TRUESIZE]!;
      if (spliceFrags(last, skb, u32[s + DATA]! + offset)) {
        grow(held, len, truesize - SK_BUFF_SIZE);
        if (last !== held) grow(last, len, truesize - SK_BUFF_SIZE);
      } else {
        joinFragList(held, skb, offset);
        grow(held, len, truesize);
      }
      u32[h + COUNT] = u32[h + COUNT]! + 1;
      u32[s + SAME_FLOW] = 1;
      return true;
    },
  };
}
