/**
 * struct sk_buff: a frame as the network stack sees it, with the kernel's field names. Pointers and offsets are u32.
 *
 * Owner  the CPU that built it, until it is freed there. The struct lies in front of its frame (see frame-pool.ts), so
 *        `skb + 256` is the buffer's address and freeing the sk_buff is returning the buffer.
 * Life   built ──deliver──► handlers ──► freed. Handlers do not keep it: they copy what they need.
 */

import type { Memory } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';

export const SK_BUFF = layout({
  len: 'u32', // bytes from data on, those of other buffers included
  truesize: 'u32', // memory that the packet holds, by the kernel's reckoning
  head: 'u32', // start of the buffer as the stack sees it
  data: 'u32',
  tail: 'u32',
  end: 'u32',
  dev: 'u32',
  skb_iif: 'u32', // ifindex that the frame came in on
  mac_header: 'u32', // offset from head
  network_header: 'u32', // offset from head
  protocol: 'u32', // EtherType in host order, or ETH_P_802_3 / ETH_P_802_2
  pkt_type: 'u32',
  meta_len: 'u32', // bytes of XDP metadata in front of the MAC header
  queue_mapping: 'u32', // 0: an XDP redirect loses the RX queue; queue + 1 otherwise
  redirected: 'u32', // 1 once a generic redirect took it: generic XDP leaves it alone
  data_len: 'u32', // of len, the bytes that lie in other buffers (see shared-info.ts); 0: the shared info holds nothing
  next: 'u32', // the sk_buff behind this one in a list, 0 at its end
});

/** The fields of one sk_buff by name, for handlers and tests that read rarely. */
export function readSkBuff(
  memory: Memory,
  skb: number,
): Readonly<Record<Exclude<keyof typeof SK_BUFF, 'sizeof'>, number>> {
  const fields = Object.entries(SK_BUFF).filter(([name]) => name !== 'sizeof');
  return Object.fromEntries(fields.map(([name, offset]) => [name, memory.u32[(skb + offset) >> 2]!])) as never;
}
