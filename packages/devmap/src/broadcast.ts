/**
 * BPF_F_BROADCAST on one CPU: a frame for all devices of a map, by slot or bucket, except the excluded one. mirrors
 * dev_map_enqueue_multi and dev_map_redirect_multi: every device but the last gets a copy, the last the frame itself.
 *
 * Native mode passes over devices that do not send XDP frames, or not one of this length; a copy that cannot be made ends
 * it with ENOMEM. Generic mode stops at the first device that refuses, with its errno. What was enqueued before an error
 * is sent. Without any device the frame is gone, and that is no error.
 */
import { BPF_MAP } from '@cpumap/bpf';
import { attachFrameReturns, type FramePools } from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import { ERRNO, type Features } from '@cpumap/uapi';
import type { RedirectTarget } from '@cpumap/xdp';
import type { BulkQueues } from './bulk-queue.ts';
import type { Clones } from './clones.ts';
import { DEVMAP_COUNTERS } from './counters.ts';
import { BPF_DTAB_NETDEV } from './entry.ts';

export interface BroadcastParts {
  readonly memory: Memory;
  readonly features: Features;
  readonly pools: FramePools;
  readonly bulkQueues: BulkQueues;
  readonly clones: Clones;
  readonly freeSkb: (skb: number) => void;
  readonly enqueue: (entry: number, frame: number, dev: number) => number;
  readonly genericRedirect: (entry: number, skb: number) => number;
  /** This CPU's DEVMAP_COUNTERS. */
  readonly counters: number;
}

export function attachBroadcast(
  parts: BroadcastParts,
): (slotsOf: (map: number) => number) => NonNullable<RedirectTarget['broadcast']> {
  const { memory, bulkQueues, clones, freeSkb, enqueue, genericRedirect, counters } = parts;
  const { u32, f64 } = memory;
  const ENOMEM = -ERRNO.ENOMEM;
  const { returnFrame } = attachFrameReturns(memory, parts.pools, parts.features);
  const count = (field: number): void => {
    f64[(counters + field) >> 3]! += 1;
  };
  /** The device that is next in turn once another one is found, or is the last one. */
  let last = 0;

  const devOf = (entry: number): number => u32[(entry + BPF_DTAB_NETDEV.dev) >> 2]!;

  function offerFrame(entry: number, frame: number, devRx: number): number {
    if (bulkQueues.check(devOf(entry), frame) !== 0) return 0;
    if (last !== 0) {
      const clone = clones.frame(frame);
      if (clone === 0) return ENOMEM;
      count(DEVMAP_COUNTERS.clones);
      enqueue(last, clone, devRx);
    }
    last = entry;
    return 0;
  }

  function offerSkb(entry: number, skb: number): number {
    if (last !== 0) {
      const clone = clones.skb(skb);
      if (clone === 0) return ENOMEM;
      const err = genericRedirect(last, clone);
      if (err !== 0) {
        freeSkb(clone);
        return err;
      }
      count(DEVMAP_COUNTERS.clones);
    }
    last = entry;
    return 0;
  }

  /** Offers the frame to all entries, a slot's chain after the other. Entries of an array have no next. */
  function offer(
    map: number,
    slots: number,
    excluded: number,
    to: (entry: number, what: number, devRx: number) => number,
    what: number,
    devRx: number,
  ): number {
    last = 0;
    const first = u32[(map + BPF_MAP.elements) >> 2]! >> 2;
    for (let slot = 0; slot < slots; slot++) {
      for (let entry = u32[first + slot]!; entry !== 0; entry = u32[(entry + BPF_DTAB_NETDEV.next) >> 2]!) {
        if (devOf(entry) === excluded) continue;
        const err = to(entry, what, devRx);
        if (err !== 0) return err;
      }
    }
    return 0;
  }

  return (slotsOf) => ({
    enqueue(map, frame, devRx, excluded) {
      const err = offer(map, slotsOf(map), excluded, offerFrame, frame, devRx);
      if (err !== 0) return err;
      if (last !== 0) return enqueue(last, frame, devRx);
      count(DEVMAP_COUNTERS.nowhere);
      returnFrame(frame);
      return 0;
    },
    genericRedirect(map, skb, excluded) {
      const err = offer(map, slotsOf(map), excluded, offerSkb, skb, 0);
      if (err !== 0) return err;
      if (last !== 0) return genericRedirect(last, skb);
      count(DEVMAP_COUNTERS.nowhere);
      freeSkb(skb);
      return 0;
    },
  });
}
