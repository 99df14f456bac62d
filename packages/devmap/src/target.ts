/** Devices as redirect targets of one CPU: through a devmap, through a devmap_hash, and by ifindex alone. */
import { BPF_MAP } from '@cpumap/bpf';
import { type FramePools, NET_DEVICE, SK_BUFF } from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import { BPF_MAP_TYPE, ERRNO, type Features } from '@cpumap/uapi';
import type { DeviceRedirect, RedirectTarget } from '@cpumap/xdp';
import { attachBroadcast } from './broadcast.ts';
import type { BulkQueues } from './bulk-queue.ts';
import type { Clones } from './clones.ts';
import { DEVMAP_COUNTERS } from './counters.ts';
import { BPF_DTAB_NETDEV } from './entry.ts';
import { attachHashLookup, bucketCount } from './hash-lookup.ts';

/** generic_xdp_tx: hands an sk_buff to a device; it is gone then. */
export type GenericXmit = (dev: number, skb: number) => void;

const VLAN_HLEN = 4;

export interface DevMapTargetParts {
  readonly memory: Memory;
  readonly features: Features;
  readonly pools: FramePools;
  readonly bulkQueues: BulkQueues;
  readonly clones: Clones;
  readonly genericXmit: GenericXmit;
  readonly freeSkb: (skb: number) => void;
  /** This CPU's DEVMAP_COUNTERS. */
  readonly counters: number;
}

export function attachDevMapTargets(parts: DevMapTargetParts): {
  readonly targets: readonly RedirectTarget[];
  readonly device: DeviceRedirect;
} {
  const { memory, bulkQueues, genericXmit, counters } = parts;
  const { u32 } = memory;
  const MAX_ENTRIES = BPF_MAP.max_entries >> 2;
  const ELEMENTS = BPF_MAP.elements >> 2;
  const DEV = BPF_DTAB_NETDEV.dev >> 2;
  const PROG = BPF_DTAB_NETDEV.prog_id >> 2;
  const { enqueue } = bulkQueues;

  function generic(dev: number, skb: number): number {
    if (u32[(dev + NET_DEVICE.xdp_bulkq) >> 2] === 0) return -ERRNO.EOPNOTSUPP;
    const s = skb >> 2;
    const start = u32[s + (SK_BUFF.head >> 2)]! + u32[s + (SK_BUFF.mac_header >> 2)]!;
    const length = u32[s + (SK_BUFF.tail >> 2)]! - start + u32[s + (SK_BUFF.data_len >> 2)]!;
    const most = u32[(dev + NET_DEVICE.max_frame) >> 2]! - VLAN_HLEN;
    if (length > most) return -ERRNO.EMSGSIZE;
    genericXmit(dev, skb);
    memory.f64[(counters + DEVMAP_COUNTERS.generic) >> 3]! += 1;
    return 0;
  }

  const shared = {
    enqueue: (entry: number, frame: number, devRx: number) =>
      enqueue(u32[(entry >> 2) + DEV]!, frame, devRx, u32[(entry >> 2) + PROG]!),
    genericRedirect: (entry: number, skb: number) => generic(u32[(entry >> 2) + DEV]!, skb),
    toIfindex: (entry: number) => u32[(entry + BPF_DTAB_NETDEV.ifindex) >> 2]!,
    insertCtx() {},
    flushMap: () => bulkQueues.flush(),
  };
  const broadcastTo = attachBroadcast({ ...parts, ...shared });

  return {
    targets: [
      {
        ...shared,
        mapType: BPF_MAP_TYPE.DEVMAP,
        lookup(map, key) {
          const m = map >> 2;
          return key < u32[m + MAX_ENTRIES]! ? u32[(u32[m + ELEMENTS]! >> 2) + key]! : 0;
        },
        broadcast: broadcastTo((map) => u32[(map >> 2) + MAX_ENTRIES]!),
        flush: () => bulkQueues.flush(),
      },
      {
        ...shared,
        mapType: BPF_MAP_TYPE.DEVMAP_HASH,
        lookup: attachHashLookup(memory),
        broadcast: broadcastTo((map) => bucketCount(u32[(map >> 2) + MAX_ENTRIES]!)),
        flush() {}, // devices have one list of queues for all maps, which the first of the two flushes
      },
    ],
    device: { enqueue: (dev, frame, devRx) => enqueue(dev, frame, devRx, 0), genericRedirect: generic },
  };
}
