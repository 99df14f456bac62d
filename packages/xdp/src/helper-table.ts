/** The XDP helpers as bytecode calls them: by id, with the argument types of HELPER_SIGNATURES. */
import { type BpfHelpers, type HelperTable, helperTable } from '@cpumap/bpf';
import { XDP_BUFF } from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import { ERRNO, XDP_ABORTED } from '@cpumap/uapi';

const EFAULT = -ERRNO.EFAULT;
const EINVAL = -ERRNO.EINVAL;
const MOST_BYTES = 0xffff;

export function attachXdpHelperTable({ u8, u32 }: Memory, helpers: BpfHelpers): HelperTable {
  const DATA = XDP_BUFF.data >> 2;
  const DATA_END = XDP_BUFF.data_end >> 2;
  const { redirect, redirectMap } = helpers;

  /** mirrors bpf_xdp_load_bytes and _store_bytes: numbers beyond 16 bits first, then the frame's end. */
  function packetBytes(ctx: number, offset: number, size: number): number {
    if (offset >>> 0 > MOST_BYTES || size >>> 0 > MOST_BYTES) return EFAULT;
    const data = u32[(ctx >> 2) + DATA]!;
    return offset + size > u32[(ctx >> 2) + DATA_END]! - data ? EINVAL : data + offset;
  }

  return helperTable({
    redirect_map: (map: number, key: number, flags: number, flagsHigh: number) =>
      flagsHigh === 0 ? redirectMap(map, key, flags) : XDP_ABORTED,
    redirect: (ifindex: number, flags: number, flagsHigh: number) =>
      flagsHigh === 0 ? redirect(ifindex, flags) : XDP_ABORTED,
    xdp_adjust_head: helpers.xdpAdjustHead,
    xdp_adjust_meta: helpers.xdpAdjustMeta,
    xdp_adjust_tail: helpers.xdpAdjustTail,
    xdp_get_buff_len: (ctx: number) => u32[(ctx >> 2) + DATA_END]! - u32[(ctx >> 2) + DATA]!,
    xdp_load_bytes(ctx: number, offset: number, to: number, size: number) {
      const from = packetBytes(ctx, offset, size);
      if (from < 0) return from;
      u8.copyWithin(to, from, from + size);
      return 0;
    },
    xdp_store_bytes(ctx: number, offset: number, from: number, size: number) {
      const to = packetBytes(ctx, offset, size);
      if (to < 0) return to;
      u8.copyWithin(to, from, from + size);
      return 0;
    },
  });
}
