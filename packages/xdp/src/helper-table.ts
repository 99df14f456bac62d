/** The XDP helpers as bytecode calls them: by id, with the argument types of HELPER_SIGNATURES. */
import { type BpfHelpers, type HelperTable, helperTable } from '@cpumap/bpf';
import { XDP_ABORTED } from '@cpumap/uapi';

export function attachXdpHelperTable(helpers: BpfHelpers): HelperTable {
  const { redirect, redirectMap } = helpers;
  return helperTable({
    redirect_map: (map: number, key: number, flags: number, flagsHigh: number) =>
      flagsHigh === 0 ? redirectMap(map, key, flags) : XDP_ABORTED,
    redirect: (ifindex: number, flags: number, flagsHigh: number) =>
      flagsHigh === 0 ? redirect(ifindex, flags) : XDP_ABORTED,
    xdp_adjust_head: helpers.xdpAdjustHead,
    xdp_adjust_meta: helpers.xdpAdjustMeta,
    xdp_adjust_tail: helpers.xdpAdjustTail,
    xdp_get_buff_len: helpers.xdpGetBuffLen,
    xdp_load_bytes: helpers.xdpLoadBytes,
    xdp_store_bytes: helpers.xdpStoreBytes,
  });
}
