/** enum xdp_action: what a program returns. */
export const XDP_ABORTED = 0;
export const XDP_DROP = 1;
export const XDP_PASS = 2;
export const XDP_TX = 3;
export const XDP_REDIRECT = 4;

const ACTION_NAMES = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

/** The name that the kernel's trace lines print; an unknown action prints as hex, as __print_symbolic does. */
export function xdpActionName(action: number): string {
  return ACTION_NAMES[action] ?? `0x${(action >>> 0).toString(16)}`;
}

/** Flags of an attach: generic (skb) mode, driver (native) mode. */
export const XDP_FLAGS_UPDATE_IF_NOEXIST = 1 << 0;
export const XDP_FLAGS_SKB_MODE = 1 << 1;
export const XDP_FLAGS_DRV_MODE = 1 << 2;

/** enum bpf_attach_type, the values that XDP programs and those on their tracepoints are loaded or attached with. */
export const BPF_ATTACH_TYPE = { TRACE_RAW_TP: 23, XDP_DEVMAP: 33, XDP_CPUMAP: 35, XDP: 37 } as const;

/** Flags of bpf_redirect_map on a devmap: a copy for each of its devices, all but the one that the frame came from. */
export const BPF_F_BROADCAST = 1 << 3;
export const BPF_F_EXCLUDE_INGRESS = 1 << 4;

/** Of an xdp_buff or a descriptor: the frame goes on in other buffers, which the shared info at this one's end names. */
export const XDP_FLAGS_HAS_FRAGS = 1 << 0;

/** Room that a driver leaves in front of each frame. */
export const XDP_PACKET_HEADROOM = 256;

/** Frames that NAPI lets a queue process before the CPU turns to something else. */
export const NAPI_POLL_WEIGHT = 64;
