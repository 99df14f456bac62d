/**
 * A CPU's backlog: sk_buffs that other CPUs hand to it (softnet_data's input_pkt_queue), in order.
 *
 * Owner      the CPU that it belongs to; that one takes, any CPU adds. It is made with the host.
 * Bounded    `enqueue` refuses when more than netdev_max_backlog wait, so 1001 is the most, as on Linux.
 */
import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';
import { SK_BUFF } from '../sk-buff.ts';

/** net.core.netdev_max_backlog */
export const NETDEV_MAX_BACKLOG = 1000;

export const BACKLOG = layout({
  lock: 'u32',
  head: 'u32', // a list by sk_buff.next
  tail: 'u32',
  qlen: 'u32',
  task: 'u32', // what delivers from it
  process: 'u32', // taken by the owner and not delivered yet
});

export interface Backlogs {
  /** False when it is full; the caller then frees. */
  enqueue(backlog: number, skb: number): boolean;
  isEmpty(backlog: number): boolean;
  /** Moves up to `max` sk_buffs to the words at `list`. Only its owner. */
  take(backlog: number, list: number, max: number): number;
}

export function attachBacklogs({ u32, i32 }: Memory): Backlogs {
  const HEAD = BACKLOG.head >> 2;
  const TAIL = BACKLOG.tail >> 2;
  const QLEN = BACKLOG.qlen >> 2;
  const LOCK = BACKLOG.lock >> 2;
  const PROCESS = BACKLOG.process >> 2;
  const NEXT = SK_BUFF.next >> 2;
  const MOST = NETDEV_MAX_BACKLOG;

  /** mirrors process_backlog: the whole queue becomes the owner's, and counts as empty from then on. */
  function splice(b: number): void {
    spinLock(i32, b + LOCK);
    u32[b + PROCESS] = u32[b + HEAD]!;
    u32[b + TAIL] = 0;
    u32[b + QLEN] = 0;
    Atomics.store(u32, b + HEAD, 0);
    spinUnlock(i32, b + LOCK);
  }

  return {
    enqueue(backlog, skb) {
      const b = backlog >> 2;
      spinLock(i32, b + LOCK);
      const qlen = u32[b + QLEN]!;
      const fits = qlen <= MOST;
      if (fits) {
        u32[(skb >> 2) + NEXT] = 0;
        if (qlen === 0) Atomics.store(u32, b + HEAD, skb);
        else u32[(u32[b + TAIL]! >> 2) + NEXT] = skb;
        u32[b + TAIL] = skb;
        u32[b + QLEN] = qlen + 1;
      }
      spinUnlock(i32, b + LOCK);
      return fits;
    },
    isEmpty: (backlog) => u32[(backlog >> 2) + PROCESS] === 0 && Atomics.load(u32, (backlog >> 2) + HEAD) === 0,
    take(backlog, list, max) {
      const b = backlog >> 2;
      if (u32[b + PROCESS] === 0) splice(b);
      let skb = u32[b + PROCESS]!;
      let n = 0;
      for (; n < max && skb !== 0; skb = u32[(skb >> 2) + NEXT]!) u32[(list >> 2) + n++] = skb;
      u32[b + PROCESS] = skb;
      return n;
    },
  };
}
