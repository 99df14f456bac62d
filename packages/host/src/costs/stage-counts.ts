/** How often each CPU went through each stage, from its counters; and how long that takes by a cost set. */

import type { CpuStatistics } from '../statistics.ts';
import { type CostSet, STAGES, type StageNumbers } from './cost-set.ts';

/**
 * Units of each stage on one CPU since the machine was built. Frames of a device without a program count as runs of one.
 * Both executors count alike.
 */
export function stageCounts({ xdp, trace, cpumap, devmap, stack }: Omit<CpuStatistics, 'cpu'>): StageNumbers {
  const received = xdp.aborted + xdp.drop + xdp.pass + xdp.tx + xdp.redirect + xdp.redirect_err;
  return {
    driver: received,
    program: received,
    enqueue: cpumap.taken + devmap.enqueued,
    flush: trace.enqueue.reduce((events, to) => events + to.events, 0),
    wakeup: cpumap.wakeups,
    dequeue: cpumap.dequeued,
    remoteProgram: trace.kthread.xdpPass + trace.kthread.xdpDrop + trace.kthread.xdpRedirect,
    skb: xdp.pass + cpumap.dequeued - cpumap.prog_drop - cpumap.prog_redirect,
    stack: stack.skbs,
  };
}

/** Nanoseconds by stage. Turns that find nothing are not among them. */
export function stageTimes({ ns }: CostSet, counts: StageNumbers): StageNumbers {
  return Object.fromEntries(STAGES.map((stage) => [stage, counts[stage] * ns[stage]])) as StageNumbers;
}
