/**
 * netif_receive_skb: the end of the path on one CPU. Hands an sk_buff to the handlers for all protocols, then to those
 * for its own, frees it, and counts it once.
 *
 * Every sk_buff ends in exactly one of: delivered, nohandler, dropped (a handler said NET_RX_DROP), failed (it threw).
 */

import type { Memory } from '@cpumap/smp';
import { ETH_P, layout, NET_RX_DROP, NET_RX_SUCCESS } from '@cpumap/uapi';
import type { SkBuffs } from './build-skb.ts';
import type { FramePools } from './frame-pool.ts';
import type { PacketHandler } from './packet-handler.ts';
import { attachFreeSkb, attachGsoSegs } from './shared-info.ts';
import { SK_BUFF } from './sk-buff.ts';

/** Counters of one CPU's stack, float64. They count frames: an sk_buff that GRO made of several counts for all of them. */
export const STACK_COUNTERS = layout({
  delivered: 'f64',
  bytes: 'f64', // of delivered sk_buffs, MAC header included
  nohandler: 'f64',
  dropped: 'f64',
  failed: 'f64',
  skbs: 'f64', // sk_buffs in which these came
  steered: 'f64', // put in a backlog by this CPU, for RPS
  unsteered: 'f64', // taken from this CPU's own: these are among delivered and so on
  backlog_dropped: 'f64', // freed because a backlog was full
});

export interface RegisteredHandler {
  readonly id: number;
  /** An EtherType in host order, or ETH_P.ALL. */
  readonly protocol: number;
  readonly handler: PacketHandler;
}

export interface NetifReceive {
  /** Delivers and frees. Returns NET_RX_SUCCESS or NET_RX_DROP. */
  receive(skb: number): number;
  /** Delivers and frees `n` sk_buffs, the words at `list`, in order; returns how many frames were taken. */
  receiveList(list: number, n: number): number;
  /** Frees without delivering: kfree_skb. The caller counts. */
  free(skb: number): void;
  add(handler: RegisteredHandler): void;
  remove(id: number): void;
  close(): void;
}

export interface NetifReceiveParts {
  readonly memory: Memory;
  readonly skbs: SkBuffs;
  readonly pools: FramePools;
  /** This CPU's STACK_COUNTERS. */
  readonly counters: number;
  /** A handler threw: called after the frame was counted as failed, before it is freed. */
  readonly onError: (skb: number, error: unknown) => void;
  /** Makes what looks at each sk_buff and at the handlers' answer to it; -1 is that there was no handler. */
  readonly probe?: (deliver: (skb: number) => number) => (skb: number) => number;
}

export function attachNetifReceive({ memory, skbs, pools, counters, onError, probe }: NetifReceiveParts): NetifReceive {
  const { u32, f64 } = memory;
  const segsOf = attachGsoSegs(memory);
  const HEAD = SK_BUFF.head >> 2;
  const TAIL = SK_BUFF.tail >> 2;
  const MAC_HEADER = SK_BUFF.mac_header >> 2;
  const DATA_LEN = SK_BUFF.data_len >> 2;
  const SUCCESS = NET_RX_SUCCESS;
  const delivered = (counters + STACK_COUNTERS.delivered) >> 3;
  const bytes = (counters + STACK_COUNTERS.bytes) >> 3;
  const nohandler = (counters + STACK_COUNTERS.nohandler) >> 3;
  const dropped = (counters + STACK_COUNTERS.dropped) >> 3;
  const failed = (counters + STACK_COUNTERS.failed) >> 3;
  const handed = (counters + STACK_COUNTERS.skbs) >> 3;
  const { freeSkb, freePieces } = attachFreeSkb(memory, pools, skbs.frameOf);
  let all: readonly RegisteredHandler[] = [];
  let byProtocol: readonly RegisteredHandler[] = [];

  /** The last handler's answer counts, as the kernel's does; -1 when there was none. */
  function toHandlers(skb: number): number {
    let verdict = -1;
    for (let i = 0; i < all.length; i++) verdict = all[i]!.handler.receive(skb);
    if (byProtocol.length > 0) {
      const protocol = u32[(skb + SK_BUFF.protocol) >> 2]!;
      for (let i = 0; i < byProtocol.length; i++) {
        const registered = byProtocol[i]!;
        if (registered.protocol === protocol) verdict = registered.handler.receive(skb);
      }
    }
    return verdict;
  }

  const handOver = probe === undefined ? toHandlers : probe(toHandlers);

  function arrange(handlers: readonly RegisteredHandler[]): void {
    all = handlers.filter(({ protocol }) => protocol === ETH_P.ALL);
    byProtocol = handlers.filter(({ protocol }) => protocol !== ETH_P.ALL);
  }

  function frameLength(skb: number): number {
    const s = skb >> 2;
    return u32[s + TAIL]! - u32[s + HEAD]! - u32[s + MAC_HEADER]! + u32[s + DATA_LEN]!;
  }

  /** The handlers' verdict, or THREW; one that is not a success is counted here. */
  function deliver(skb: number): number {
    let verdict: number;
    try {
      verdict = handOver(skb);
    } catch (error) {
      f64[failed]! += segsOf(skb);
      onError(skb, error);
      return NET_RX_DROP;
    }
    if (verdict === -1) f64[nohandler]! += segsOf(skb);
    else if (verdict !== SUCCESS) f64[dropped]! += segsOf(skb);
    return verdict;
  }

  return {
    receive(skb) {
      const length = frameLength(skb);
      const verdict = deliver(skb);
      const segs = segsOf(skb);
      freeSkb(skb);
      f64[handed]! += 1;
      if (verdict !== SUCCESS) return NET_RX_DROP;
      f64[delivered]! += segs;
      f64[bytes]! += length;
      return SUCCESS;
    },
    receiveList(list, n) {
      const words = list >> 2;
      let taken = 0;
      let length = 0;
      for (let i = 0; i < n; i++) {
        const skb = u32[words + i]!;
        const own = frameLength(skb);
        const isTaken = deliver(skb) === SUCCESS;
        if (isTaken) {
          taken++;
          length += own;
        }
        if (u32[(skb >> 2) + DATA_LEN] !== 0) {
          if (isTaken) taken += segsOf(skb) - 1;
          freePieces(skb);
        }
      }
      pools.putMany(list, n, skbs.frameOf(0));
      f64[handed]! += n;
      f64[delivered]! += taken;
      f64[bytes]! += length;
      return taken;
    },
    free: freeSkb,
    add(handler) {
      arrange([...all, ...byProtocol, handler].sort((a, b) => a.id - b.id));
    },
    remove(id) {
      const handlers = [...all, ...byProtocol];
      handlers.find((handler) => handler.id === id)?.handler.close?.();
      arrange(handlers.filter((handler) => handler.id !== id));
    },
    close() {
      for (const { handler } of [...all, ...byProtocol]) handler.close?.();
      arrange([]);
    },
  };
}
