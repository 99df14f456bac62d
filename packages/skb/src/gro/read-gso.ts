/** What a packet that stands for several says of itself, for handlers and tests. */
import type { Memory } from '@cpumap/smp';
import { SKB_SHARED_INFO } from '@cpumap/uapi';
import { SK_BUFF } from '../sk-buff.ts';

export interface Gso {
  /** Payload of each packet that it stands for; the last may have less. 0: it stands for itself. */
  readonly size: number;
  readonly segs: number;
  /** SKB_GSO bits. */
  readonly type: number;
  /** CHECKSUM_PARTIAL when it was merged: its checksum field holds the pseudo header's sum alone. */
  readonly ipSummed: number;
  /** Where the sum begins, from the MAC header, and where from there its field lies. */
  readonly csumStart: number;
  readonly csumOffset: number;
}

const NONE: Gso = { size: 0, segs: 0, type: 0, ipSummed: 0, csumStart: 0, csumOffset: 0 };

export function readGso({ u16, u32 }: Memory, skb: number): Gso {
  const word = (field: number): number => u32[(skb + field) >> 2]!;
  if (word(SK_BUFF.data_len) === 0) return NONE;
  const info = word(SK_BUFF.end);
  const size = u16[(info + SKB_SHARED_INFO.gso_size) >> 1]!;
  if (size === 0) return NONE;
  return {
    size,
    segs: u16[(info + SKB_SHARED_INFO.gso_segs) >> 1]!,
    type: u32[(info + SKB_SHARED_INFO.gso_type) >> 2]!,
    ipSummed: word(SK_BUFF.ip_summed),
    csumStart: word(SK_BUFF.csum_start) - word(SK_BUFF.mac_header),
    csumOffset: word(SK_BUFF.csum_offset),
  };
}
