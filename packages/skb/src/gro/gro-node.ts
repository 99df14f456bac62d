/**
 * struct gro_node: the packets that GRO holds for one kthread, and those that wait to be handed over together.
 *
 * Owner  the cpumap entry; its kthread alone uses it. Held packets lie oldest first.
 * One list, not the kernel's eight hash buckets: the hash of a redirected frame is always 0, so on Linux they all share
 * the first bucket, and at most MAX_GRO_SKBS flows of an entry are merged at a time.
 */
import type { Memory } from '@cpumap/smp';
import { CACHELINE } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';
import { MAX_GRO_SKBS } from './gro-cb.ts';

/** gro_normal_batch: packets, each counted by its segments, that are handed over together. */
export const GRO_NORMAL_BATCH = 8;

const NODE = layout({
  count: 'u32', // held
  rx_count: 'u32', // sk_buffs that wait to be handed over
  rx_segs: 'u32', // packets that these stand for
});
const HELD = 32;
const RX_LIST = CACHELINE;
export const GRO_NODE_BYTES = 2 * CACHELINE;

export interface GroNodes {
  count(node: number): number;
  /** The held packet at an index, 0 the oldest. */
  held(node: number, index: number): number;
  hold(node: number, skb: number): void;
  /** Takes a packet out of the list of those held. */
  unhold(node: number, skb: number): void;
  /** Adds an sk_buff to those that wait; true when it is time to hand them over. */
  queue(node: number, skb: number, segs: number): boolean;
  /** The list of those waiting. */
  rxList(node: number): number;
  queued(node: number): number;
  /** Packets that those waiting stand for. */
  queuedSegs(node: number): number;
  clearQueued(node: number): void;
  /** True when the node has nothing. */
  isEmpty(node: number): boolean;
}

export function attachGroNodes({ u32 }: Memory): GroNodes {
  const COUNT = NODE.count >> 2;
  const RX_COUNT = NODE.rx_count >> 2;
  const RX_SEGS = NODE.rx_segs >> 2;
  const FIRST = HELD >> 2;
  const RX = RX_LIST >> 2;
  const MOST = MAX_GRO_SKBS;
  const BATCH = GRO_NORMAL_BATCH;
  return {
    count: (node) => u32[(node >> 2) + COUNT]!,
    held: (node, index) => u32[(node >> 2) + FIRST + index]!,
    hold(node, skb) {
      const n = node >> 2;
      const count = u32[n + COUNT]!;
      if (count === MOST) throw new Error('a GRO node holds too many packets');
      u32[n + FIRST + count] = skb;
      u32[n + COUNT] = count + 1;
    },
    unhold(node, skb) {
      const n = node >> 2;
      const last = u32[n + COUNT]! - 1;
      let i = 0;
      while (u32[n + FIRST + i] !== skb) i++;
      for (; i < last; i++) u32[n + FIRST + i] = u32[n + FIRST + i + 1]!;
      u32[n + COUNT] = last;
    },
    queue(node, skb, segs) {
      const n = node >> 2;
      const count = u32[n + RX_COUNT]!;
      u32[n + RX + count] = skb;
      u32[n + RX_COUNT] = count + 1;
      u32[n + RX_SEGS] = u32[n + RX_SEGS]! + segs;
      return u32[n + RX_SEGS]! >= BATCH;
    },
    rxList: (node) => node + RX_LIST,
    queued: (node) => u32[(node >> 2) + RX_COUNT]!,
    queuedSegs: (node) => u32[(node >> 2) + RX_SEGS]!,
    clearQueued(node) {
      u32[(node >> 2) + RX_COUNT] = 0;
      u32[(node >> 2) + RX_SEGS] = 0;
    },
    isEmpty: (node) => (u32[(node >> 2) + COUNT]! | u32[(node >> 2) + RX_COUNT]!) === 0,
  };
}
