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

/** Room that a driver leaves in front of each frame. */
export const XDP_PACKET_HEADROOM = 256;

/** Frames that NAPI lets a queue process before the CPU turns to something else. */
export const NAPI_POLL_WEIGHT = 64;
