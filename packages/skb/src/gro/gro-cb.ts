/**
 * struct napi_gro_cb: what GRO knows of one sk_buff while it works on it or holds it.
 *
 * Owner  the kthread whose node the sk_buff was given to. It lies in the sk_buff, behind the fields that others read, and
 *        is valid from `receive` on until the sk_buff is handed to the stack.
 */
import { layout } from '@cpumap/uapi';

const CB = 128; // a cache line that nobody else uses

const FIELDS = layout({
  data_offset: 'u32', // from skb->data: how far the headers have been read
  network_offset: 'u32', // of the innermost network header, from skb->data
  proto: 'u32', // of the transport header
  flush: 'u32', // not 0: this packet is not held, and not merged
  same_flow: 'u32',
  count: 'u32', // packets that it stands for
  ip_fixedid: 'u32', // 1: all packets so far have one IP id
  gso_size: 'u32', // payload of the first packet
  last: 'u32', // whose shared info takes the next frag: itself, or the last sk_buff of its frag_list
});

/** Word offsets from an sk_buff's word index. */
export const GRO_CB = Object.fromEntries(
  Object.entries(FIELDS).map(([name, offset]) => [name, (CB + offset) >> 2]),
) as Readonly<Record<Exclude<keyof typeof FIELDS, 'sizeof'>, number>>;

/** MAX_GRO_SKBS: packets held at once. */
export const MAX_GRO_SKBS = 8;
/** gro_max_size and gro_ipv4_max_size of a device, as it is made. */
export const GRO_MAX_SIZE = 65536;
