/**
 * An entry of a devmap: a device, and the program that frames meet on their way out.
 *
 * Owner  the host thread makes and frees entries; CPUs reach them through a slot of the map. `val` comes first: it is
 * what bpf_map_lookup_elem gives to programs.
 */
import { layout } from '@cpumap/uapi';

/** struct bpf_devmap_val: 4 bytes until 5.8, with a program since. On read the second word is the program's id. */
export const BPF_DEVMAP_VAL = layout({ ifindex: 'u32', bpf_prog: 'u32' });

export const BPF_DTAB_NETDEV = layout({
  ifindex: 'u32',
  prog_id: 'u32',
  dev: 'ptr',
  /** Of a hash: the key, and the next entry of the bucket. */
  key: 'u32',
  next: 'u32',
});

/** Frames that a bulk queue holds: DEV_MAP_BULK_SIZE. */
export const DEV_MAP_BULK_SIZE = 16;

/** struct xdp_dev_bulk_queue, one per device and CPU: the frames come first. */
export const DEV_BULK_QUEUE = { frames: 0, count: 64, dev: 68, dev_rx: 72, prog_id: 76, next: 80, listed: 84 } as const;
export const DEV_BULK_QUEUE_BYTES = 128;
