/**
 * Redirect targets by map type: how a package above (devmap, cpumap) takes part in a redirect without
 * this package knowing it.
 */
import { ERRNO } from '@cpumap/uapi';

export interface RedirectTarget {
  readonly mapType: number;
  /** The address of the entry that a key names, 0 when the slot is empty or out of range. */
  lookup(map: number, key: number): number;
  /** Takes a frame whose descriptor is written. 0, or a negative errno and the frame stays the caller's. */
  enqueue(entry: number, frame: number, dev: number): number;
  /** Takes an sk_buff of generic XDP. 0, or a negative errno and the sk_buff stays the caller's. */
  genericRedirect(entry: number, skb: number): number;
  /**
   * Of a type that BPF_F_BROADCAST is for: takes a frame for all entries of `map` but the one of `excluded`, a device. 0,
   * also when no entry is left, or a negative errno and the frame stays the caller's.
   */
  readonly broadcast?: {
    enqueue(map: number, frame: number, dev: number, excluded: number): number;
    genericRedirect(map: number, skb: number, excluded: number): number;
  };
  /** For the event: the ifindex of the device that an entry stands for, 0 if it stands for none. */
  toIfindex(entry: number): number;
  /** Flushes what this CPU has pending (releases with one flush list per CPU). */
  flush(): void;
  /** 4.15: notes that `map` has a frame pending at `key` on this CPU. */
  insertCtx(map: number, key: number): void;
  /** 4.15: flushes what this CPU has pending in one map. */
  flushMap(map: number): void;
}

/** Redirects without a map: bpf_redirect(ifindex). Devices are addresses of their NET_DEVICE. */
export interface DeviceRedirect {
  /** Takes a frame whose descriptor is written. 0, or a negative errno and the frame stays the caller's. */
  enqueue(dev: number, frame: number, devRx: number): number;
  /** Takes an sk_buff of generic XDP. 0, or a negative errno and the sk_buff stays the caller's. */
  genericRedirect(dev: number, skb: number): number;
}

/** A machine whose devices have no ndo_xdp_xmit: EOPNOTSUPP. */
export const NO_XDP_XMIT: DeviceRedirect = {
  enqueue: () => -ERRNO.EOPNOTSUPP,
  genericRedirect: () => -ERRNO.EOPNOTSUPP,
};

/** Targets of one CPU by map type. */
export type RedirectTargets = readonly (RedirectTarget | undefined)[];
