/**
 * Layouts that a user of Linux can observe, with the kernel's names, offsets and sizes
 * (the 6.18 column read from a running kernel's BTF).
 */
import { layout } from './layout.ts';
import { XDP_PACKET_HEADROOM } from './xdp.ts';

/** What an XDP program sees: the context of include/uapi/linux/bpf.h, 24 bytes. */
export const XDP_MD = layout({
  data: 'u32',
  data_end: 'u32',
  data_meta: 'u32',
  ingress_ifindex: 'u32',
  rx_queue_index: 'u32',
  egress_ifindex: 'u32',
});

/** The value of a cpumap entry since 5.9; releases before have the first word alone. On read the second is the id. */
export const BPF_CPUMAP_VAL = layout({ qsize: 'u32', bpf_prog: 'u32' });

/** One counter record of the 2017 sample: struct datarec. */
export const DATAREC = layout({ processed: 'u64', dropped: 'u64', issue: 'u64' });

/** struct xdp_frame of 6.18, 40 bytes at the top of the headroom: 216 bytes are the most that a program can push. */
export const XDP_FRAME = layout({
  data: 'ptr',
  len: 'u32',
  headroom: 'u32',
  metasize: 'u32',
  mem_type: 'u32',
  dev_rx: 'ptr',
  frame_sz: 'u32',
  flags: 'u32',
});

/** struct xdp_pkt of 4.15, 24 bytes. */
export const XDP_PKT = layout({ data: 'ptr', len: 'u16', headroom: 'u16', metasize: 'u16', dev_rx: 'ptr' });

/** SKB_DATA_ALIGN(sizeof(struct skb_shared_info)): what each frame keeps free at its tail. */
export const SKB_SHARED_INFO_SIZE = 320;

/** struct skb_shared_info of 6.18: the last 320 bytes of a buffer, behind the frame. The frags are SKB_FRAGs from `frags` on. */
export const SKB_SHARED_INFO = layout({
  flags: 'u8',
  meta_len: 'u8',
  nr_frags: 'u8',
  tx_flags: 'u8',
  gso_size: 'u16',
  gso_segs: 'u16',
  frag_list: 'ptr',
  hwtstamps: 'u64',
  gso_type: 'u32',
  tskey: 'u32',
  dataref: 'u32',
  xdp_frags_size: 'u32',
  xdp_frags_truesize: 'u32',
  frags: 'u64', // the first of MAX_SKB_FRAGS
});
/** skb_frag_t: a piece of a frame that lies in another buffer. */
export const SKB_FRAG = layout({ netmem: 'ptr', len: 'u32', offset: 'u32' });
export const MAX_SKB_FRAGS = 17;

/** The buffer of a driver whose frames may have several, and the most that one frag has. */
export const PAGE_SIZE = 4096;
/** Bytes of a frame in its first buffer when that is a page: 3520. What is longer goes on in frags. */
export const XDP_PAGE_FRAME = PAGE_SIZE - XDP_PACKET_HEADROOM - SKB_SHARED_INFO_SIZE;

/** SKB_DATA_ALIGN(sizeof(struct sk_buff)): counted into truesize. */
export const SK_BUFF_SIZE = 256;
