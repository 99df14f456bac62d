/**
 * struct xdp_buff: one frame while a program looks at it. Its first 24 bytes are the program's context, struct xdp_md,
 * so the pointer to one is the pointer to the other.
 *
 * Owner  the context that runs programs (a NAPI instance, a kthread): one buff each, used again for every frame.
 *
 *   data_hard_start ≤ data_meta ≤ data ≤ data_end ≤ data_hard_start + frame_sz - 320
 */
import { layout } from '@cpumap/uapi';

export const XDP_BUFF = layout({
  data: 'u32',
  data_end: 'u32',
  data_meta: 'u32',
  ingress_ifindex: 'u32',
  rx_queue_index: 'u32',
  egress_ifindex: 'u32',
  data_hard_start: 'u32',
  frame_sz: 'u32',
  dev: 'u32',
  flags: 'u32', // XDP_FLAGS_HAS_FRAGS
  frag_size: 'u32', // of the RX queue: how large its frags are; 0 where nobody says (bpf_xdp_adjust_tail cannot grow one)
});
