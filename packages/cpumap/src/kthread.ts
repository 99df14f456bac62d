/**
 * The kthread of an entry, as steps of its CPU's loop: takes up to eight pointers from the ring, runs the second program
 * on them, builds sk_buffs and hands them to the stack; one xdp_cpumap_kthread event per step.
 *
 * Owner  the entry's CPU; it is the ring's only consumer. Wakers call `tasks.wakeUp`, the host calls `tasks.stop`.
 * Ends   when it should stop and the ring is empty, never before: no frame is lost at teardown.
 * A kthread that sleeps when it is stopped takes one more empty step, so a dying one leaves an event with processed=0
 * and sched=1.
 */

import {
  attachGro,
  DEVICE_FEATURES,
  type FramePools,
  NET_DEVICE,
  type NetifReceive,
  type Rps,
  SK_BUFF,
  type SkBuffs,
} from '@cpumap/skb';
import {
  GONE,
  type Memory,
  type PtrRings,
  TASK_SLEEPING,
  TASK_WOKEN,
  type TaskContext,
  type TaskKind,
  type Tasks,
} from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import { type Features, NET_RX_SUCCESS, XDP_PACKET_HEADROOM } from '@cpumap/uapi';
import type { BulkQueues } from './bulk-queue.ts';
import { CPUMAP_COUNTERS } from './counters.ts';
import { SKB_TAG } from './enqueue.ts';
import { BULKQ_BYTES, CPU_MAP_ENTRY } from './entry.ts';
import type { ProgramStage } from './program-stage.ts';

/** CPUMAP_BATCH: pointers taken from the ring at once. */
export const CPUMAP_BATCH = 8;
/** Steps in one turn of the CPU: 64 frames, the budget that a NAPI poll has. */
const STEPS_PER_TURN = 8;

export interface KthreadParts {
  readonly memory: Memory;
  readonly nrCpus: number;
  readonly features: Features;
  readonly rings: PtrRings;
  readonly tasks: Tasks;
  readonly pools: FramePools;
  readonly skbs: SkBuffs;
  readonly stack: NetifReceive;
  readonly rps: Pick<Rps, 'receiveList'>;
  readonly tracepoints: Tracepoints;
  readonly bulkQueues: BulkQueues;
  readonly programStage: ProgramStage;
  /** This CPU's CPUMAP_COUNTERS. */
  readonly counters: number;
  /** Two cache lines of this CPU's: a batch of pointers, then the sk_buffs among them. */
  readonly batch: number;
}

/** NAPI_POLL_WEIGHT: packets after which GRO is flushed at the latest. */
const GRO_FLUSH_PACKETS = 64;

/** What a step answers besides the number of frames it took. */
const ASLEEP = -1;
const STOPPED = -2;

export function attachCpuMapKthread(parts: KthreadParts): TaskKind {
  const { memory, nrCpus, features, rings, tasks, pools, skbs, stack, rps, tracepoints, bulkQueues } = parts;
  const { programStage } = parts;
  const { u32, f64 } = memory;
  const { batch } = parts;
  const TAG = SKB_TAG;
  const DATA_WORD = XDP_PACKET_HEADROOM >> 2;
  const frames = batch >> 2;
  const tagged = (batch + BULKQ_BYTES) >> 2;
  const delivered = (parts.counters + CPUMAP_COUNTERS.delivered) >> 3;
  const refused = (parts.counters + CPUMAP_COUNTERS.refused) >> 3;
  const dequeued = (parts.counters + CPUMAP_COUNTERS.dequeued) >> 3;
  const groHeld = (parts.counters + CPUMAP_COUNTERS.gro_held) >> 3;
  const DEV = SK_BUFF.dev >> 2;
  const FEATURES = NET_DEVICE.features >> 2;
  const OFFLOADS = (features.cpumapGro ? DEVICE_FEATURES.gro : 0) | (features.listDelivery ? DEVICE_FEATURES.rps : 0);
  const GRO_NODE = CPU_MAP_ENTRY.gro >> 2;
  const GRO_PACKETS = CPU_MAP_ENTRY.gro_packets >> 2;
  const QUEUE = CPU_MAP_ENTRY.queue >> 2;
  const WEIGHT = GRO_FLUSH_PACKETS;

  /**
   * Touches what the batch needs from the other CPU's cache, descriptors and first bytes, so that the transfers overlap
   * instead of following each other.
   */
  function prefetch(n: number): void {
    let touched = 0;
    for (let i = 0; i < n; i++) {
      const word = (u32[frames + i]! & ~TAG) >> 2;
      touched |= u32[word]! | u32[word + DATA_WORD]!;
    }
    u32[tagged + 15] = touched; // a result that is used keeps the loads alive
  }

  /** Splits a batch in place: frames stay, in order; sk_buffs move to `tagged`, without their tag. */
  function splitTagged(n: number): number {
    let nrFrames = 0;
    for (let i = 0; i < n; i++) {
      const pointer = u32[frames + i]!;
      if ((pointer & TAG) === 0) u32[frames + nrFrames++] = pointer;
      else u32[tagged + i - nrFrames] = pointer & ~TAG;
    }
    return nrFrames;
  }

  function deliverList(list: number, n: number): void {
    if (n === 0) return;
    const taken = stack.receiveList(list, n);
    f64[delivered]! += taken;
    f64[refused]! += n - taken;
  }

  const gro = attachGro({
    memory,
    skbs,
    deliver(list, n, nrFrames) {
      const taken = rps.receiveList(list, n);
      f64[delivered]! += taken;
      f64[refused]! += nrFrames - taken;
      f64[groHeld]! -= nrFrames;
    },
  });

  /** What the devices of `n` sk_buffs have switched on. */
  function offloadsOf(list: number, n: number): number {
    let bits = 0;
    for (let i = 0; i < n; i++) bits |= u32[(u32[(u32[(list >> 2) + i]! >> 2) + DEV]! >> 2) + FEATURES]!;
    return bits & OFFLOADS;
  }

  /** By way of GRO and RPS: frames, then sk_buffs; flushed every 64 packets and when the ring is empty (mirrors 6.18). */
  function deliverOffloaded(e: number, nrFrames: number, nrSkbs: number, n: number): void {
    const node = u32[e + GRO_NODE]!;
    f64[groHeld]! += nrFrames + nrSkbs;
    gro.receiveList(node, batch, nrFrames);
    gro.receiveList(node, batch + BULKQ_BYTES, nrSkbs);
    const packets = u32[e + GRO_PACKETS]! + n;
    const isDue = packets >= WEIGHT || rings.isEmpty(u32[e + QUEUE]!);
    if (isDue) gro.flush(node);
    u32[e + GRO_PACKETS] = isDue ? 0 : packets;
  }

  /** 5.2 and later: eight at once; the event fires before delivery since 6.12. */
  function stepBatched(entry: number, n: number, sched: number): number {
    const e = entry >> 2;
    f64[dequeued]! += n;
    prefetch(n);
    const nrFrames = splitTagged(n);
    const progId = u32[e + (CPU_MAP_ENTRY.prog_id >> 2)]!;
    let passFrames = nrFrames;
    let passSkbs = n - nrFrames;
    let pass = 0;
    let drop = 0;
    let redirect = 0;
    if (progId !== 0 && n > 0) {
      const counts = programStage.run(progId, batch, nrFrames, batch + BULKQ_BYTES, n - nrFrames);
      passFrames = counts.frames;
      passSkbs = counts.skbs;
      pass = passFrames + passSkbs;
      drop = counts.drop;
      redirect = counts.redirect;
    }
    skbs.fromFrames(batch, passFrames);
    tracepoints.cpumapKthread(
      u32[e + (CPU_MAP_ENTRY.pid >> 2)]!,
      u32[e + (CPU_MAP_ENTRY.map_id >> 2)]!,
      n,
      0, // sk_buff heads lie with their frames: building one cannot fail
      sched,
      pass,
      drop,
      redirect,
    );
    const offloads = offloadsOf(batch, passFrames) | offloadsOf(batch + BULKQ_BYTES, passSkbs);
    // what GRO holds waits for a ring that was not empty, so there is a next batch, and that one flushes it
    if (offloads !== 0 || u32[e + GRO_PACKETS] !== 0) {
      deliverOffloaded(e, passFrames, passSkbs, n);
      return n;
    }
    deliverList(batch, passFrames);
    deliverList(batch + BULKQ_BYTES, passSkbs);
    return n;
  }

  /** 4.15: one by one; the event comes last and counts what the stack refused. */
  function stepOneByOne(entry: number, n: number, sched: number): number {
    const e = entry >> 2;
    const ring = u32[e + (CPU_MAP_ENTRY.queue >> 2)]!;
    let processed = 0;
    let drops = 0;
    for (let more = n; more === 1; more = processed < CPUMAP_BATCH ? rings.consumeBatched(ring, batch, 1) : 0) {
      processed++;
      const success = stack.receive(skbs.fromFrame(u32[frames]!)) === NET_RX_SUCCESS;
      f64[success ? delivered : refused]! += 1;
      if (!success) drops++;
    }
    f64[dequeued]! += processed;
    const mapId = u32[e + (CPU_MAP_ENTRY.map_id >> 2)]!;
    tracepoints.cpumapKthread(u32[e + (CPU_MAP_ENTRY.pid >> 2)]!, mapId, processed, drops, sched, 0, 0, 0);
    return processed;
  }

  /** 4.15's RCU callback: no program holds the entry any more, but frames may sit in its bulk queues. */
  function flushBulkQueues(entry: number): void {
    const bulkq = u32[(entry + CPU_MAP_ENTRY.bulkq) >> 2]!;
    for (let cpu = 0; cpu < nrCpus; cpu++) bulkQueues.flushToQueue(bulkq + cpu * BULKQ_BYTES);
  }

  const handle = features.batchDequeue ? stepBatched : stepOneByOne;
  const takeAtOnce = features.batchDequeue ? CPUMAP_BATCH : 1;

  return (task, entry): TaskContext => {
    const ring = u32[(entry + CPU_MAP_ENTRY.queue) >> 2]!;
    let flushed = features.rcuWorkTeardown;

    function flushAtTeardown(): void {
      if (flushed) return;
      flushed = true;
      flushBulkQueues(entry);
    }

    /** The ring was found empty: sleeps, or answers 1 when somebody was faster and the thread must look again. */
    function fallAsleep(): number {
      if (tasks.shouldStop(task)) {
        flushAtTeardown();
        // look again: the last frame may have come between the first look and the order to stop
        return rings.isEmpty(ring) ? STOPPED : 0;
      }
      tasks.announceSleep(task);
      // look again after the announcement: whoever produced before it did not wake us
      if (rings.isEmpty(ring) && !tasks.shouldStop(task)) return ASLEEP;
      if (tasks.cancelSleep(task)) return 0;
      tasks.consumeWake(task);
      return 1;
    }

    /** One turn of the kernel thread's loop; `woken` is 1 in the first turn after a sleep. */
    function step(woken: number): number {
      let sched = woken;
      let n = rings.consumeBatched(ring, batch, takeAtOnce);
      if (n === 0 && woken === 0) {
        sched = fallAsleep();
        if (sched < 0) return sched;
        n = rings.consumeBatched(ring, batch, takeAtOnce);
      }
      return handle(entry, n, sched);
    }

    return {
      poll() {
        const state = tasks.state(task);
        if (state === TASK_SLEEPING) return 0;
        let woken = 0;
        if (state === TASK_WOKEN) {
          tasks.consumeWake(task);
          woken = 1;
        }
        if (!flushed && tasks.shouldStop(task)) flushAtTeardown();
        let done = 0;
        for (let i = 0; i < STEPS_PER_TURN; i++) {
          const n = step(woken);
          if (n === ASLEEP) break;
          if (n === STOPPED) {
            pools.flush();
            return GONE;
          }
          woken = 0;
          done += n;
        }
        pools.flush();
        return done;
      },
      dueIn: () => Number.POSITIVE_INFINITY,
      close() {},
    };
  };
}
