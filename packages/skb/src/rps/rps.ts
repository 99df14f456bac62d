/**
 * RPS: the sk_buffs of a device that has rps_cpus go to the backlog of the CPU that their flow's hash picks, and are
 * handed to the stack there. mirrors netif_receive_skb_list_internal and process_backlog.
 *
 * A flow keeps its CPU, and a backlog its order, so packets of a flow stay in order.
 */
import {
  type Allocator,
  CACHELINE,
  createPercpu,
  createTask,
  type Memory,
  type PercpuAt,
  percpu,
  TASK_NEW,
  TASK_SLEEPING,
  type TaskKind,
  type Tasks,
} from '@cpumap/smp';
import type { FramePools } from '../frame-pool.ts';
import { NET_DEVICE } from '../net-device.ts';
import { type NetifReceive, STACK_COUNTERS } from '../netif-receive.ts';
import { attachGsoSegs } from '../shared-info.ts';
import { SK_BUFF } from '../sk-buff.ts';
import { attachBacklogs, BACKLOG } from './backlog.ts';
import { attachFlowHash } from './flow-hash.ts';

/** sk_buffs that a backlog delivers in one turn: the weight of a NAPI instance. */
const WEIGHT = 64;

/** Where the backlogs lie; plain data. */
export interface RpsAt {
  /** BACKLOG, and from the next cache line on the list that it delivers. */
  readonly backlogs: PercpuAt;
}

/** Makes a backlog and its task for each CPU; `taskKind` is the index of `backlogKind` among the CPUs' kinds. */
export function createRps(memory: Memory, allocator: Allocator, nrCpus: number, taskKind: number): RpsAt {
  const backlogs = createPercpu(allocator, nrCpus, CACHELINE + WEIGHT * 4);
  for (let cpu = 0; cpu < nrCpus; cpu++) {
    const backlog = percpu(backlogs, cpu);
    memory.u32[(backlog + BACKLOG.task) >> 2] = createTask(memory, allocator, taskKind, backlog, cpu);
  }
  return { backlogs };
}

/** Sets the backlogs of the given CPUs going; those that already do are left alone. Host thread. */
export function startBacklogs({ u32 }: Memory, tasks: Tasks, { backlogs }: RpsAt, cpus: readonly number[]): void {
  for (const cpu of cpus) {
    const task = u32[(percpu(backlogs, cpu) + BACKLOG.task) >> 2]!;
    if (tasks.state(task) === TASK_NEW) tasks.post(task);
  }
}

export interface Rps {
  /** Delivers, here or by a backlog, and frees; returns how many frames were taken. A full backlog does not take. */
  receiveList(list: number, n: number): number;
  /** The kind of the task that delivers from this CPU's backlog. */
  readonly backlogKind: TaskKind;
}

export interface RpsParts {
  readonly memory: Memory;
  readonly nrCpus: number;
  readonly tasks: Tasks;
  readonly stack: NetifReceive;
  readonly pools: FramePools;
  /** This CPU's STACK_COUNTERS. */
  readonly counters: number;
}

export function attachRps({ memory, nrCpus, tasks, stack, pools, counters }: RpsParts, { backlogs: at }: RpsAt): Rps {
  const { u32, f64 } = memory;
  const DEV = SK_BUFF.dev >> 2;
  const RPS_MAP = NET_DEVICE.rps_map >> 2;
  const steered = (counters + STACK_COUNTERS.steered) >> 3;
  const unsteered = (counters + STACK_COUNTERS.unsteered) >> 3;
  const backlogDropped = (counters + STACK_COUNTERS.backlog_dropped) >> 3;
  const backlogs = attachBacklogs(memory);
  const flowHash = attachFlowHash(memory);
  const segsOf = attachGsoSegs(memory);
  const toWake = new Uint8Array(nrCpus);

  /** Returns the frames that the backlog took. */
  function steer(skb: number, map: number): number {
    const segs = segsOf(skb);
    const nr = u32[map >> 2]!;
    const cpu = u32[(map >> 2) + 1 + Math.floor((flowHash(skb) * nr) / 0x100000000)]!;
    if (!backlogs.enqueue(percpu(at, cpu), skb)) {
      f64[backlogDropped]! += segs;
      stack.free(skb);
      return 0;
    }
    f64[steered]! += segs;
    toWake[cpu] = 1;
    return segs;
  }

  function wake(): void {
    for (let cpu = 0; cpu < nrCpus; cpu++) {
      if (toWake[cpu] === 0) continue;
      toWake[cpu] = 0;
      tasks.wakeUp(u32[(percpu(at, cpu) + BACKLOG.task) >> 2]!);
    }
  }

  return {
    receiveList(list, n) {
      let here = 0;
      let taken = 0;
      for (let i = 0; i < n; i++) {
        const skb = u32[(list >> 2) + i]!;
        const map = Atomics.load(u32, (u32[(skb >> 2) + DEV]! >> 2) + RPS_MAP);
        if (map === 0) u32[(list >> 2) + here++] = skb;
        else taken += steer(skb, map);
      }
      if (here < n) wake();
      return here === 0 ? taken : taken + stack.receiveList(list, here);
    },
    backlogKind: (task, backlog) => {
      const list = backlog + CACHELINE;

      function deliver(n: number): number {
        let frames = 0;
        for (let i = 0; i < n; i++) frames += segsOf(u32[(list >> 2) + i]!);
        stack.receiveList(list, n);
        pools.flush();
        f64[unsteered]! += frames;
        return frames;
      }

      return {
        poll() {
          if (tasks.state(task) === TASK_SLEEPING) return 0;
          tasks.consumeWake(task);
          const n = backlogs.take(backlog, list, WEIGHT);
          if (n > 0) return deliver(n);
          tasks.announceSleep(task);
          // look again after the announcement: whoever added before it did not wake us
          if (!backlogs.isEmpty(backlog)) tasks.cancelSleep(task);
          return 0;
        },
        dueIn: () => Number.POSITIVE_INFINITY,
        close() {},
      };
    },
  };
}
