/**
 * Bulk queues of devices on one CPU: up to sixteen frames per device on their way to ndo_xdp_xmit.
 *
 * Owner  the redirecting CPU alone.
 * A queue belongs to the device and not to a map: frames of several maps meet in it. Its first frame since the last
 * flush says which program runs and which device they came from. It is sent when it is full and at the end of the poll;
 * the queue that joined the list last is sent first.
 */
import type { ProgramInstance } from '@cpumap/bpf';
import {
  attachFrameReturns,
  attachFrameToBuff,
  type FramePools,
  NET_DEVICE,
  XDP_BUFF,
  type XdpFrames,
} from '@cpumap/skb';
import type { Memory } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import { ERRNO, type Features, XDP_ABORTED, XDP_DROP, XDP_PASS } from '@cpumap/uapi';
import { DEVMAP_COUNTERS } from './counters.ts';
import { DEV_BULK_QUEUE, DEV_BULK_QUEUE_BYTES, DEV_MAP_BULK_SIZE } from './entry.ts';

/** ndo_xdp_xmit: hands `n` frames, the words at `list`, to a device; returns how many it took, the first ones. */
export type XdpXmit = (dev: number, list: number, n: number) => number;

export interface BulkQueueParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly frames: XdpFrames;
  readonly pools: FramePools;
  readonly features: Features;
  readonly tracepoints: Tracepoints;
  readonly xmit: XdpXmit;
  readonly program: (id: number) => ProgramInstance;
  /** A program of an entry threw; told after the frame was counted. */
  readonly onProgramError: (progId: number, error: unknown) => void;
  /** This CPU's DEVMAP_COUNTERS. */
  readonly counters: number;
  /** An XDP_BUFF of this CPU's, and a word: the list of queues that hold frames. */
  readonly buff: number;
  readonly flushList: number;
}

export interface BulkQueues {
  /** Whether a device sends XDP frames, and this one: 0 or a negative errno. */
  check(dev: number, frame: number): number;
  /** mirrors __xdp_enqueue. 0, or a negative errno and the frame stays the caller's. */
  enqueue(dev: number, frame: number, devRx: number, progId: number): number;
  /** Sends what all queues hold. */
  flush(): void;
}

/** Header and one VLAN tag beyond the MTU; max_frame has room for two. */
const VLAN_HLEN = 4;

export function attachBulkQueues(parts: BulkQueueParts): BulkQueues {
  const { memory, cpu, frames, tracepoints, xmit, program, onProgramError, counters, buff } = parts;
  const { u32, f64 } = memory;
  const Q = DEV_BULK_QUEUE;
  const FULL = DEV_MAP_BULK_SIZE;
  const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
  const EMSGSIZE = -ERRNO.EMSGSIZE;
  const first = parts.flushList >> 2;
  const b = buff >> 2;
  const frameToBuff = attachFrameToBuff(memory);
  const { returnFrame } = attachFrameReturns(memory, parts.pools, parts.features);
  const count = (field: number, n: number): void => {
    f64[(counters + field) >> 3]! += n;
  };
  const ifindexOf = (dev: number): number => u32[(dev + NET_DEVICE.ifindex) >> 2]!;

  /** Whether the frame goes on; anything but PASS and DROP is an exception of the device that it would have left by. */
  function passes(progId: number, frame: number, dev: number, devRx: number): boolean {
    frameToBuff(frame, buff);
    u32[b + (XDP_BUFF.dev >> 2)] = devRx;
    u32[b + (XDP_BUFF.ingress_ifindex >> 2)] = ifindexOf(devRx);
    u32[b + (XDP_BUFF.rx_queue_index >> 2)] = 0;
    u32[b + (XDP_BUFF.egress_ifindex >> 2)] = ifindexOf(dev);
    try {
      const act = program(progId)(buff);
      if (act === XDP_PASS && frames.fromBuff(buff) !== 0) return true;
      if (act !== XDP_DROP && act !== XDP_PASS) tracepoints.exception(progId, act, ifindexOf(dev));
    } catch (error) {
      onProgramError(progId, error);
      tracepoints.exception(progId, XDP_ABORTED, ifindexOf(dev));
    }
    return false;
  }

  /** mirrors bq_xmit_all: the program first, then the device; one event for the bulk. */
  function send(bq: number): void {
    const q = bq >> 2;
    const dev = u32[(bq + Q.dev) >> 2]!;
    const devRx = u32[(bq + Q.dev_rx) >> 2]!;
    const progId = u32[(bq + Q.prog_id) >> 2]!;
    const all = u32[(bq + Q.count) >> 2]!;
    let n = all;
    if (progId !== 0) {
      n = 0;
      for (let i = 0; i < all; i++) {
        const frame = u32[q + i]!;
        if (passes(progId, frame, dev, devRx)) u32[q + n++] = frame;
        else returnFrame(frame);
      }
    }
    const sent = n === 0 ? 0 : xmit(dev, bq, n);
    for (let i = sent; i < n; i++) returnFrame(u32[q + i]!);
    u32[(bq + Q.count) >> 2] = 0;
    count(DEVMAP_COUNTERS.sent, sent);
    count(DEVMAP_COUNTERS.prog_drop, all - n);
    count(DEVMAP_COUNTERS.xmit_drop, n - sent);
    tracepoints.devmapXmit(ifindexOf(devRx), ifindexOf(dev), sent, all - sent, 0);
  }

  function check(dev: number, frame: number): number {
    if (u32[(dev + NET_DEVICE.xdp_bulkq) >> 2] === 0) return EOPNOTSUPP;
    return frames.fullLen(frame) > u32[(dev + NET_DEVICE.max_frame) >> 2]! - VLAN_HLEN ? EMSGSIZE : 0;
  }

  return {
    check,
    enqueue(dev, frame, devRx, progId) {
      const err = check(dev, frame);
      if (err !== 0) return err;
      const bq = u32[(dev + NET_DEVICE.xdp_bulkq) >> 2]! + cpu * DEV_BULK_QUEUE_BYTES;
      if (u32[(bq + Q.listed) >> 2] === 0) {
        u32[(bq + Q.listed) >> 2] = 1;
        u32[(bq + Q.dev) >> 2] = dev;
        u32[(bq + Q.dev_rx) >> 2] = devRx;
        u32[(bq + Q.prog_id) >> 2] = progId;
        u32[(bq + Q.next) >> 2] = u32[first]!;
        u32[first] = bq;
      }
      if (u32[(bq + Q.count) >> 2] === FULL) send(bq);
      const at = u32[(bq + Q.count) >> 2]!;
      u32[(bq >> 2) + at] = frame;
      u32[(bq + Q.count) >> 2] = at + 1;
      count(DEVMAP_COUNTERS.enqueued, 1);
      return 0;
    },
    flush() {
      for (let bq = u32[first]!; bq !== 0; ) {
        const next = u32[(bq + Q.next) >> 2]!;
        send(bq);
        u32[(bq + Q.listed) >> 2] = 0;
        bq = next;
      }
      u32[first] = 0;
    },
  };
}
