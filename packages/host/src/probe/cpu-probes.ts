/**
 * Probes on one CPU: which ones listen where, and writing records to their rings.
 *
 * Owner  the CPU. What looks at frames (probed-parts.ts) asks `wants`, one load of a shared word; only if somebody listens it
 *        points a Noter at the frame, says what it knows of it, and commits.
 * A frame goes  open ──look──► its place is known ──stage──► its bytes lie in the scratch ──commit──► a record in each ring whose probe takes it
 * Staging is apart from committing because a program or a redirect may change or give away what it was called with.
 */
import { attachCopyFrame } from '@cpumap/nic';
import {
  attachGsoSegs,
  attachSharedInfos,
  forEachPiece,
  NET_DEVICE,
  SK_BUFF,
  type SkBuffs,
  XDP_BUFF,
  type XdpFrames,
} from '@cpumap/skb';
import { type Clock, type Memory, percpu } from '@cpumap/smp';
import { type Features, SKB_FRAG, SKB_SHARED_INFO_SIZE, XDP_FLAGS_HAS_FRAGS, XDP_FRAME } from '@cpumap/uapi';
import { type FrameFilter, frameFilter, type OutcomeFilter, outcomeFilter } from './filter.ts';
import { HOOKS } from './hooks.ts';
import {
  MAX_SNAPLEN,
  NONE,
  PROBE_RECORD,
  PROBES,
  type ProbeEntry,
  type ProbesAt,
  RECORD_BYTES,
  RING_HEAD,
  RING_LOST,
  RING_RECORDS,
  RING_TAIL,
  SCRATCH_BYTES,
  SKIP,
} from './probe-area.ts';

/** What is said of a frame beside its bytes; NONE where it does not apply. */
export interface Note {
  frame: number;
  ifindex: number;
  queue: number;
  progId: number;
  verdict: number;
  reason: number;
  to: number;
  mapId: number;
  position: number;
  of: number;
  slot: number;
  frames: number;
}

/** Looks at one frame at a time. */
export interface Noter {
  readonly note: Note;
  /**
   * Whether a probe of that hook may take the next frame. If not, it need not be looked at. Without `isCertain` the frame may
   * still turn out not to pass the hook: it counts when it is committed, which it is to be then in any case.
   */
  open(hook: number, isCertain: boolean): boolean;
  lookAtBuff(buff: number): void;
  lookAtFrame(frame: number): void;
  lookAtSkb(skb: number): void;
  /** Keeps the frame's bytes if a probe of that hook still may take it. */
  stage(hook: number): void;
  /** Writes what was staged to the rings of those probes that take it. */
  commit(hook: number): void;
}

export interface CpuProbes {
  /** Whether anybody listens at one of the hooks: bits by index. */
  wants(hooks: number): boolean;
  /** For what is noted around a program or a redirect. */
  readonly outer: Noter;
  /** For what is noted at once, also while `outer` has a frame. */
  readonly inner: Noter;
}

export interface CpuProbesParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly clock: Clock;
  readonly features: Features;
  readonly frames: XdpFrames;
  readonly skbs: SkBuffs;
}

/** A probe at one hook of this CPU. */
interface Listener {
  readonly entry: ProbeEntry;
  readonly ring: number;
  readonly frameFilter: FrameFilter | undefined;
  readonly outcomeFilter: OutcomeFilter | undefined;
  /** Frames that it takes until the next one that it keeps. */
  left: number;
  /** Whether the staged frame may be for it. */
  isOpen: boolean;
  /** The frame is to be counted, and is not kept. */
  isPassedOver: boolean;
  /** Its ring had no room, and how far the host had read then: until it reads on, nothing is looked at. */
  isFull: boolean;
  fullTail: number;
}

export function attachCpuProbes(parts: CpuProbesParts, at: ProbesAt): CpuProbes {
  const { memory, cpu, clock, features, frames, skbs } = parts;
  const { u8, u32, f64 } = memory;
  const copy = attachCopyFrame(memory);
  const infos = attachSharedInfos(memory);
  const segsOf = attachGsoSegs(memory);
  const STATE = (at.area + PROBES.state) >> 2;
  const R = PROBE_RECORD;
  let seen = 0;
  let listeners: readonly (readonly Listener[])[] = HOOKS.map(() => []);

  function readList(): readonly ProbeEntry[] {
    const list = Atomics.load(u32, (at.area + PROBES.list) >> 2);
    return JSON.parse(new TextDecoder().decode(u8.slice(list + 4, list + 4 + u32[list >> 2]!)));
  }

  function listener(entry: ProbeEntry, hook: number): Listener {
    const known = listeners[hook]!.find((candidate) => candidate.entry.id === entry.id);
    if (known !== undefined) return known;
    return {
      entry,
      ring: percpu(entry.rings, cpu),
      frameFilter: frameFilter(memory, entry.filter),
      outcomeFilter: outcomeFilter(entry.filter),
      left: 1, // the first one is kept
      isOpen: false,
      isPassedOver: false,
      isFull: false,
      fullTail: 0,
    };
  }

  function refresh(state: number): void {
    seen = state;
    const entries = readList().filter(({ filter }) => filter.cpu === undefined || filter.cpu === cpu);
    listeners = HOOKS.map((_, hook) =>
      entries.filter(({ hooks }) => hooks.includes(hook)).map((entry) => listener(entry, hook)),
    );
  }

  function write(to: Listener, hook: number, note: Note, bytes: number, length: number): void {
    const { entry, ring } = to;
    const { ringBytes } = entry;
    const captured = Math.min(length, entry.snaplen);
    const size = RECORD_BYTES + Math.ceil(captured / 16) * 16;
    const head = u32[(ring + RING_HEAD) >> 2]!;
    const tail = Atomics.load(u32, (ring + RING_TAIL) >> 2);
    const taken = (head - tail) >>> 0;
    let offset = head & (ringBytes - 1);
    const skipped = ringBytes - offset < size ? ringBytes - offset : 0;
    if (taken + skipped + size > ringBytes) {
      u32[(ring + RING_LOST) >> 2]! += 1;
      to.isFull = true;
      to.fullTail = tail;
      return;
    }
    const records = ring + RING_RECORDS;
    if (skipped !== 0) {
      u32[(records + offset) >> 2] = SKIP;
      offset = 0;
    }
    const record = records + offset;
    const r = record >> 2;
    u32[r + (R.size >> 2)] = size;
    u32[r + (R.hook >> 2)] = hook;
    f64[(record + R.timestamp) >> 3] = clock.now();
    u32[r + (R.frame >> 2)] = note.frame;
    u32[r + (R.ifindex >> 2)] = note.ifindex;
    u32[r + (R.queue >> 2)] = note.queue;
    u32[r + (R.prog_id >> 2)] = note.progId;
    u32[r + (R.verdict >> 2)] = note.verdict;
    u32[r + (R.reason >> 2)] = note.reason;
    u32[r + (R.to >> 2)] = note.to;
    u32[r + (R.map_id >> 2)] = note.mapId;
    u32[r + (R.position >> 2)] = note.position;
    u32[r + (R.of >> 2)] = note.of;
    u32[r + (R.slot >> 2)] = note.slot;
    u32[r + (R.frames >> 2)] = note.frames;
    u32[r + (R.length >> 2)] = length;
    u32[r + (R.captured >> 2)] = captured;
    u32[r + (R.lost >> 2)] = u32[(ring + RING_LOST) >> 2]!;
    copy(bytes, record + RECORD_BYTES, bytes + captured);
    Atomics.store(u32, (ring + RING_HEAD) >> 2, head + skipped + size);
  }

  /** The frags of a frame or buff, whose first buffer ends in the shared info. */
  function forEachFrag(shinfo: number, piece: (data: number, length: number) => void): void {
    for (let i = 0; i < infos.nrFrags(shinfo); i++) {
      const frag = infos.frag(shinfo, i) >> 2;
      const data = u32[frag + (SKB_FRAG.netmem >> 2)]! + u32[frag + (SKB_FRAG.offset >> 2)]!;
      piece(data, u32[frag + (SKB_FRAG.len >> 2)]!);
    }
  }

  /** Of a frame whose bytes fit: whether it is kept, or what becomes of it decides. */
  function mayKeep(one: Listener): boolean {
    if (one.outcomeFilter !== undefined) return true;
    if (one.left > 1) return false;
    if (one.isFull && u32[(one.ring + RING_TAIL) >> 2] === one.fullTail) return false;
    one.isFull = false;
    return true;
  }

  /** A frame that is counted and not kept: it is not its turn, or its ring is full. */
  function passOver(one: Listener): void {
    one.isPassedOver = false;
    if (one.left > 1) one.left--;
    else {
      u32[(one.ring + RING_LOST) >> 2]! += 1;
      one.left = one.entry.every;
    }
  }

  function createNoter(scratch: number): Noter {
    const note: Note = {
      frame: 0,
      ifindex: NONE,
      queue: NONE,
      progId: NONE,
      verdict: NONE,
      reason: NONE,
      to: NONE,
      mapId: NONE,
      position: NONE,
      of: NONE,
      slot: NONE,
      frames: 1,
    };
    let data = 0;
    let end = 0;
    let shinfo = 0; // of a frame with frags
    let skb = 0; // one with pieces
    let length = 0;
    let isCertain = true; // of the open frame

    function consider(one: Listener): boolean {
      if (mayKeep(one)) return true;
      if (isCertain) passOver(one);
      else one.isPassedOver = true;
      return false;
    }

    function look(frame: number, dev: number, from: number, to: number): void {
      note.frame = frame;
      note.ifindex = u32[(dev + NET_DEVICE.ifindex) >> 2]!;
      note.queue = NONE;
      note.progId = NONE;
      note.verdict = NONE;
      note.reason = NONE;
      note.to = NONE;
      note.mapId = NONE;
      note.position = NONE;
      note.of = NONE;
      note.slot = NONE;
      note.frames = 1;
      data = from;
      end = to;
      shinfo = 0;
      skb = 0;
    }

    /** Puts the pieces together, as much as anybody keeps. */
    function gather(): void {
      length = 0;
      const append = (from: number, bytes: number): void => {
        const kept = Math.min(bytes, MAX_SNAPLEN - length);
        if (kept > 0) copy(from, scratch + length, from + kept);
        length += bytes;
      };
      append(data, end - data);
      if (shinfo !== 0) forEachFrag(shinfo, append);
      else if (skb !== 0) forEachPiece(memory, skb, append);
    }

    return {
      note,
      open(hook, certain) {
        isCertain = certain;
        const here = listeners[hook]!;
        let isOpen = false;
        for (let i = 0; i < here.length; i++) {
          const one = here[i]!;
          one.isPassedOver = false;
          one.isOpen = one.frameFilter !== undefined || consider(one);
          if (one.isOpen) isOpen = true;
        }
        return isOpen;
      },
      lookAtBuff(buff) {
        const b = buff >> 2;
        const start = u32[b + (XDP_BUFF.data_hard_start >> 2)]!;
        const dev = u32[b + (XDP_BUFF.dev >> 2)]!;
        look(start, dev, u32[b + (XDP_BUFF.data >> 2)]!, u32[b + (XDP_BUFF.data_end >> 2)]!);
        note.queue = u32[b + (XDP_BUFF.rx_queue_index >> 2)]!;
        if ((u32[b + (XDP_BUFF.flags >> 2)]! & XDP_FLAGS_HAS_FRAGS) !== 0) {
          shinfo = start + u32[b + (XDP_BUFF.frame_sz >> 2)]! - SKB_SHARED_INFO_SIZE;
        }
      },
      lookAtFrame(frame) {
        const from = frames.data(frame);
        look(frame, frames.devRx(frame), from, from + frames.len(frame));
        if (features.frags && (u32[(frame + XDP_FRAME.flags) >> 2]! & XDP_FLAGS_HAS_FRAGS) !== 0) {
          shinfo = frame + u32[(frame + XDP_FRAME.frame_sz) >> 2]! - SKB_SHARED_INFO_SIZE;
        }
      },
      lookAtSkb(pointer) {
        const s = pointer >> 2;
        const mac = u32[s + (SK_BUFF.head >> 2)]! + u32[s + (SK_BUFF.mac_header >> 2)]!;
        look(skbs.frameOf(pointer), u32[s + (SK_BUFF.dev >> 2)]!, mac, u32[s + (SK_BUFF.tail >> 2)]!);
        const mapping = u32[s + (SK_BUFF.queue_mapping >> 2)]!;
        if (mapping !== 0) note.queue = mapping - 1;
        if (u32[s + (SK_BUFF.data_len >> 2)] === 0) return;
        skb = pointer;
        note.frames = segsOf(pointer);
      },
      stage(hook) {
        const here = listeners[hook]!;
        let isWanted = false;
        for (let i = 0; i < here.length; i++) {
          const one = here[i]!;
          if (one.frameFilter !== undefined) {
            one.isOpen = one.frameFilter(note.ifindex, data, end) && consider(one);
          }
          if (one.isOpen) isWanted = true;
        }
        if (isWanted) gather();
      },
      commit(hook) {
        const here = listeners[hook]!;
        for (let i = 0; i < here.length; i++) {
          const one = here[i]!;
          if (one.isPassedOver) passOver(one);
          if (!one.isOpen) continue;
          one.isOpen = false;
          if (one.outcomeFilter?.(note.verdict, note.to, note.reason) === false) continue;
          if (--one.left > 0) continue;
          one.left = one.entry.every;
          write(one, hook, note, scratch, length);
        }
      },
    };
  }

  const scratch = percpu(at.scratch, cpu);
  return {
    wants(hooks) {
      const state = u32[STATE]!;
      if (state !== seen) refresh(state);
      return (state & hooks) !== 0;
    },
    outer: createNoter(scratch),
    inner: createNoter(scratch + SCRATCH_BYTES),
  };
}
