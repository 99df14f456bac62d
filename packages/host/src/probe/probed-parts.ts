/**
 * The places where probes look: the parts of a CPU's data path, each wrapped so that it also says what passes. A host
 * without probes has the parts themselves.
 */
import { BPF_MAP, type ProgramInstance } from '@cpumap/bpf';
import { BULKQ_BYTES, CPU_MAP_ENTRY, SKB_TAG, XDP_BULK_QUEUE } from '@cpumap/cpumap';
import type { NetifReceive, XdpFrames } from '@cpumap/skb';
import type { Memory, PtrRings } from '@cpumap/smp';
import {
  BPF_MAP_TYPE,
  type Features,
  NET_RX_SUCCESS,
  XDP_ABORTED,
  XDP_DROP,
  XDP_PASS,
  XDP_REDIRECT,
} from '@cpumap/uapi';
import { NO_MAP_ID, REDIRECT_INFO, type RedirectTarget, type Xdp } from '@cpumap/xdp';
import type { CpuProbes, Note, Noter } from './cpu-probes.ts';
import {
  DELIVER,
  DROP,
  type DropReason,
  ENQUEUE,
  ENQUEUE_DROP,
  REDIRECT,
  REMOTE,
  reasonNumber,
  redirectReason,
  XDP_IN,
} from './hooks.ts';
import { NONE } from './probe-area.ts';

export interface ProbedPartsParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly features: Features;
  readonly probes: CpuProbes;
  readonly targets: readonly RedirectTarget[];
}

/** Which reason a program's verdict is, when it ends the frame there; undefined when it does not. */
type ReasonOf = (act: number) => DropReason | undefined;

/** Of a device's program. XDP_TX leaves the machine. */
const deviceReason: ReasonOf = (act) => {
  if (act === XDP_DROP) return 'xdp_drop';
  return act > XDP_ABORTED && act <= XDP_REDIRECT ? undefined : 'xdp_aborted';
};
/** Of the program of a cpumap's entry, for which XDP_TX is no verdict. */
const entryReason: ReasonOf = (act) => {
  if (act === XDP_PASS || act === XDP_REDIRECT) return undefined;
  return act === XDP_DROP ? 'prog_drop' : 'prog_aborted';
};
const devmapReason: ReasonOf = (act) => (act === XDP_PASS ? undefined : 'devmap_prog_drop');

const RING_FULL = reasonNumber('ring_full');

const on = (...hooks: number[]): number => hooks.reduce((bits, hook) => bits | (1 << hook), 0);

export function attachProbedParts({ memory, cpu, features, probes, targets }: ProbedPartsParts) {
  const { u32 } = memory;
  const { outer, inner } = probes;
  const ON_PROGRAM = on(XDP_IN, DROP);
  const ON_DROP = on(DROP);
  const ON_REDIRECT = on(REDIRECT, DROP);
  const ON_ENQUEUE = on(ENQUEUE);
  const ON_REFUSED = on(ENQUEUE_DROP, DROP);
  const ON_REMOTE = on(REMOTE);
  const ON_STACK = on(DELIVER, DROP);

  function dropBuff(buff: number, reason: DropReason, progId = NONE, verdict = NONE): void {
    if (!probes.wants(ON_DROP) || !inner.open(DROP, true)) return;
    inner.lookAtBuff(buff);
    inner.note.progId = progId;
    inner.note.verdict = verdict;
    tell(DROP, reasonNumber(reason));
  }

  function dropSkb(skb: number, reason: DropReason): void {
    if (!probes.wants(ON_DROP) || !inner.open(DROP, true)) return;
    inner.lookAtSkb(skb);
    tell(DROP, reasonNumber(reason));
  }

  /** Of the frame that `inner` looks at. */
  function tell(hook: number, reason = NONE): void {
    inner.note.reason = reason;
    inner.stage(hook);
    inner.commit(hook);
  }

  /** A program whose frames are seen before it, with the verdict that it gives; those that it ends, after it. */
  function program(run: ProgramInstance, progId: number, reasonOf: ReasonOf, isDevices: boolean): ProgramInstance {
    return (buff) => {
      if (!probes.wants(ON_PROGRAM)) return run(buff);
      const isSeen = isDevices && outer.open(XDP_IN, true);
      if (isSeen) {
        outer.lookAtBuff(buff);
        outer.note.progId = progId;
        outer.stage(XDP_IN);
      }
      let act = XDP_ABORTED;
      try {
        act = run(buff);
      } finally {
        // one that throws has aborted
        if (isSeen) {
          outer.note.verdict = act;
          outer.commit(XDP_IN);
        }
        const reason = reasonOf(act);
        if (reason !== undefined) dropBuff(buff, reason, progId, act);
      }
      return act;
    };
  }

  /** Wraps each instance once, and again when it is replaced. */
  function programs(instance: (id: number) => ProgramInstance, reasonOf: ReasonOf, isDevices: boolean) {
    const plain: ProgramInstance[] = [];
    const probed: ProgramInstance[] = [];
    return (id: number): ProgramInstance => {
      const found = instance(id);
      if (plain[id] !== found) {
        plain[id] = found;
        probed[id] = program(found, id, reasonOf, isDevices);
      }
      return probed[id]!;
    };
  }

  const cpuOf = (entry: number): number => u32[(entry + CPU_MAP_ENTRY.cpu) >> 2]!;

  function noteTarget(redirectInfo: number, note: Note): number {
    const word = (field: number): number => u32[(redirectInfo + field) >> 2]!;
    note.progId = word(REDIRECT_INFO.prog_id);
    note.verdict = XDP_REDIRECT;
    const isOld = !features.perCpuFlushList;
    const map = word(REDIRECT_INFO.map);
    const index = word(REDIRECT_INFO.tgt_index);
    const mapType = isOld ? mapTypeOf(map) : word(REDIRECT_INFO.map_type);
    const target = targetOf(mapType);
    if (target === undefined) {
      const isDevice = isOld || word(REDIRECT_INFO.map_id) === NO_MAP_ID;
      if (isDevice) note.to = index;
      return 0;
    }
    note.mapId = isOld ? u32[(map + BPF_MAP.id) >> 2]! : word(REDIRECT_INFO.map_id);
    const entry = isOld ? target.lookup(map, index) : word(REDIRECT_INFO.tgt_value);
    if (entry === 0 || (!isOld && word(REDIRECT_INFO.flags) !== 0)) return 0; // nobody, or all of a map
    if (mapType !== BPF_MAP_TYPE.CPUMAP) {
      note.to = target.toIfindex(entry);
      return 0;
    }
    note.to = cpuOf(entry);
    return entry;
  }

  function targetOf(mapType: number): RedirectTarget | undefined {
    for (let i = 0; i < targets.length; i++) if (targets[i]!.mapType === mapType) return targets[i];
    return undefined;
  }

  const mapTypeOf = (map: number): number => (map === 0 ? 0 : u32[(map + BPF_MAP.map_type) >> 2]!);

  /** The frame has joined its bulk queue: its place there. */
  function notePosition(entry: number, note: Note): void {
    const bulkq = u32[(entry + CPU_MAP_ENTRY.bulkq) >> 2]! + cpu * BULKQ_BYTES;
    note.position = u32[(bulkq + XDP_BULK_QUEUE.count) >> 2]!;
  }

  /** What is said of a redirect that failed; `inner` looks at the frame. */
  function tellFailure(err: number): void {
    const { note } = inner;
    note.progId = outer.note.progId;
    note.verdict = XDP_REDIRECT;
    note.to = outer.note.to;
    note.mapId = outer.note.mapId;
    tell(DROP, redirectReason(err));
  }

  /** A redirect of what `look` makes a Noter look at. What was asked for is gone when it is done, and perhaps the frame. */
  function probedRedirect(
    xdp: Xdp,
    what: number,
    look: (noter: Noter, what: number) => void,
    redirect: (what: number, dev: number) => number,
    dev: number,
  ): number {
    const isSeen = outer.open(REDIRECT, false);
    if (isSeen) look(outer, what);
    outer.note.to = NONE;
    outer.note.mapId = NONE;
    const entry = noteTarget(xdp.redirectInfo, outer.note);
    if (isSeen) outer.stage(REDIRECT);
    const err = redirect(what, dev);
    if (err !== 0) {
      if (probes.wants(ON_DROP) && inner.open(DROP, true)) {
        look(inner, what);
        tellFailure(err);
      }
    } else {
      if (entry !== 0 && look === lookAtBuff) notePosition(entry, outer.note);
      outer.commit(REDIRECT);
    }
    return err;
  }

  const lookAtBuff = (noter: Noter, buff: number): void => noter.lookAtBuff(buff);
  const lookAtSkb = (noter: Noter, skb: number): void => noter.lookAtSkb(skb);

  function probedXdp(xdp: Xdp, reasonOf: ReasonOf, isDevices: boolean): Xdp {
    const { doRedirect, doGenericRedirect } = xdp;
    return {
      ...xdp,
      program: programs(xdp.program, reasonOf, isDevices),
      doRedirect(buff) {
        if (!probes.wants(ON_REDIRECT)) return doRedirect(buff);
        return probedRedirect(xdp, buff, lookAtBuff, doRedirect, 0);
      },
      doGenericRedirect(skb, dev) {
        if (!probes.wants(ON_REDIRECT)) return doGenericRedirect(skb, dev);
        return probedRedirect(xdp, skb, lookAtSkb, doGenericRedirect, dev);
      },
    };
  }

  function lookAtPointer(pointer: number): void {
    if ((pointer & SKB_TAG) === 0) inner.lookAtFrame(pointer);
    else inner.lookAtSkb(pointer & ~SKB_TAG);
  }

  /** Bulk queues are cache lines, so the address of a word in one says which place of the bulk it is. */
  function noteBulk(from: number, i: number, n: number): void {
    const { note } = inner;
    const isBulk = (u32[from >> 2]! & SKB_TAG) === 0;
    const first = isBulk ? (from & (BULKQ_BYTES - 1)) >> 2 : 0;
    note.position = first + i + 1;
    note.of = first + n;
    if (isBulk) note.to = cpuOf(u32[((from & -BULKQ_BYTES) + XDP_BULK_QUEUE.obj) >> 2]!);
  }

  /** Rings of cpumap's entries: a bulk goes in one by one while somebody looks at each frame that goes in. */
  function probedRings(rings: PtrRings): PtrRings {
    function produceEach(ring: number, from: number, n: number): number {
      for (let i = 0; i < n; i++) {
        const isSeen = inner.open(ENQUEUE, false);
        if (isSeen) {
          lookAtPointer(u32[(from >> 2) + i]!);
          noteBulk(from, i, n);
          inner.note.slot = rings.producerSlot(ring);
          inner.stage(ENQUEUE);
        }
        if (rings.produceBulk(ring, from + i * 4, 1) === 0) return i;
        inner.commit(ENQUEUE);
      }
      return n;
    }

    /** The first frame that found no room; its owner drops it. A generic redirect fails then, and says so itself. */
    function refused(from: number, i: number, n: number): void {
      const pointer = u32[(from >> 2) + i]!;
      for (const hook of (pointer & SKB_TAG) === 0 ? [ENQUEUE_DROP, DROP] : [ENQUEUE_DROP]) {
        if (!inner.open(hook, true)) continue;
        lookAtPointer(pointer);
        noteBulk(from, i, n);
        tell(hook, RING_FULL);
      }
    }

    return {
      ...rings,
      produceBulk(ring, from, n) {
        const done = probes.wants(ON_ENQUEUE) ? produceEach(ring, from, n) : rings.produceBulk(ring, from, n);
        if (done < n && probes.wants(ON_REFUSED)) refused(from, done, n);
        return done;
      },
      consumeBatched(ring, to, max) {
        if (!probes.wants(ON_REMOTE)) return rings.consumeBatched(ring, to, max);
        const first = rings.consumerSlot(ring);
        const n = rings.consumeBatched(ring, to, max);
        for (let i = 0; i < n; i++) {
          if (!inner.open(REMOTE, true)) continue;
          lookAtPointer(u32[(to >> 2) + i]!);
          inner.note.position = i + 1;
          inner.note.of = n;
          inner.note.slot = (first + i) % rings.size(ring);
          tell(REMOTE);
        }
        return n;
      },
    };
  }

  return {
    /** For drivers: programs of devices, and redirects. */
    deviceXdp: (xdp: Xdp): Xdp => probedXdp(xdp, deviceReason, true),
    /** For kthreads: programs of cpumap's entries, and redirects. */
    entryXdp: (xdp: Xdp): Xdp => probedXdp(xdp, entryReason, false),
    /** Programs of devmap's entries. */
    devmapPrograms: (instance: (id: number) => ProgramInstance) => programs(instance, devmapReason, false),
    rings: probedRings,
    /** For those who run programs of entries: one that leaves no room for the descriptor has dropped the frame. */
    frames: (frames: XdpFrames): XdpFrames => ({
      ...frames,
      fromBuff(buff) {
        const frame = frames.fromBuff(buff);
        if (frame === 0) dropBuff(buff, 'no_headroom');
        return frame;
      },
    }),
    /** For RPS, which frees what a full backlog does not take. */
    steeredStack: (stack: NetifReceive): NetifReceive => ({
      ...stack,
      free(skb) {
        dropSkb(skb, 'cpu_backlog');
        stack.free(skb);
      },
    }),
    /** What the stack hands to its handlers, and what those refuse. */
    handlers: (deliver: (skb: number) => number) => (skb: number) => {
      if (!probes.wants(ON_STACK)) return deliver(skb);
      if (inner.open(DELIVER, true)) {
        inner.lookAtSkb(skb);
        tell(DELIVER);
      }
      const verdict = deliver(skb);
      if (verdict === -1) dropSkb(skb, 'no_handler');
      else if (verdict !== NET_RX_SUCCESS) dropSkb(skb, 'handler_drop');
      return verdict;
    },
    handlerThrew: (skb: number): void => dropSkb(skb, 'handler_threw'),
    noMemory: (buff: number): void => dropBuff(buff, 'no_memory'),
  };
}
