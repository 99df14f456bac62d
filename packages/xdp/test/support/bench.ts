/** One CPU with XDP on it and nothing else: a frame in its buffer, a redirect target that writes down what it is asked. */
import { BPF_MAP, type BpfHelpers } from '@cpumap/bpf';
import { attachXdpFrames, createNetDevice, XDP_BUFF, type XdpFrames } from '@cpumap/skb';
import { createAllocator, createMemory, type Memory } from '@cpumap/smp';
import {
  attachTracepoints,
  createTraceArea,
  createTraceControl,
  readTraceCounters,
  type TraceCounters,
  type TraceSubscription,
} from '@cpumap/tracepoints';
import { BPF_MAP_TYPE, featuresOf, type Release, SKB_SHARED_INFO_SIZE, XDP_PACKET_HEADROOM } from '@cpumap/uapi';
import { attachXdp, createXdp, NO_XDP_XMIT, type RedirectTarget, type Xdp } from '../../src/index.ts';

const FRAME_SZ = 2048;
/** Where the room for sk_buff's shared info begins: a tail may grow up to here. */
export const HARD_END = FRAME_SZ - SKB_SHARED_INFO_SIZE;
const IFINDEX = 4;

export interface Bench {
  readonly memory: Memory;
  readonly helpers: BpfHelpers;
  readonly xdp: Xdp;
  readonly frames: XdpFrames;
  /** The context that programs get. */
  readonly ctx: number;
  /** What the target was asked, in order. */
  readonly calls: string[];
  /** What the target answers to enqueue and genericRedirect. */
  answer: number;
  /** Puts a frame of `length` bytes in the buffer, behind the usual headroom. */
  place(length?: number): void;
  /** The ends of the frame, from the start of the buffer. */
  ends(): { meta: number; data: number; end: number };
  setEnds(ends: Partial<{ meta: number; data: number; end: number }>): void;
  /** A map whose slots from 0 on hold entries; an entry is the map's id times 100 plus its key, and 0 none. */
  createMap(id: number, filled: readonly boolean[]): number;
  lines(): string[];
  /** Whether somebody listens to the events; at first somebody does. */
  listen(listening: boolean): void;
  counted(): TraceCounters;
}

export function createBench(release: Release, { seed = 1, cpu = 0, errors = [] as unknown[] } = {}): Bench {
  const memory = createMemory(1 << 20);
  const { u32 } = memory;
  const allocator = createAllocator(memory);
  const features = featuresOf(release);
  const trace = createTraceArea(allocator, cpu + 1, 256);
  const clock = { now: () => 12345 };
  const tracepoints = attachTracepoints(memory, trace, cpu, features, clock);
  const control = createTraceControl(memory, trace, features);
  let subscription: TraceSubscription | undefined = control.subscribe();
  const frames = attachXdpFrames(memory, features);
  const at = createXdp(allocator, cpu + 1);
  const calls: string[] = [];
  const filledOf = new Map<number, readonly boolean[]>();
  const idOf = (map: number): number => u32[(map + BPF_MAP.id) >> 2]!;

  const target: RedirectTarget = {
    mapType: BPF_MAP_TYPE.CPUMAP,
    toIfindex: () => 0,
    lookup: (map, key) => (filledOf.get(map)?.[key] ? idOf(map) * 100 + key : 0),
    enqueue(entry, frame, dev) {
      calls.push(`enqueue ${entry} of ${frames.len(frame)} bytes, device ${u32[dev >> 2]}`);
      return bench.answer;
    },
    genericRedirect(entry, skb) {
      calls.push(`generic ${entry}, sk_buff ${skb}`);
      return bench.answer;
    },
    flush: () => void calls.push('flush'),
    insertCtx: (map, key) => void calls.push(`pending ${idOf(map)}[${key}]`),
    flushMap: (map) => void calls.push(`flush ${idOf(map)}`),
  };
  const onProgramError = (_: number, error: unknown): void => void errors.push(error);
  const parts = {
    memory,
    cpu,
    clock,
    features,
    frames,
    tracepoints,
    pools: { putFrag() {} },
    seed,
    targets: [target],
    device: NO_XDP_XMIT,
    onProgramError,
  };
  const xdp = attachXdp(parts, at);

  const hard = allocator.alloc(FRAME_SZ);
  const ctx = allocator.alloc(XDP_BUFF.sizeof);
  const dev = createNetDevice(memory, allocator, { ifindex: IFINDEX, address: new Uint8Array(6), maxFrame: 1514 });
  u32[(at.ifindexes >> 2) + IFINDEX] = 1;
  const set = (field: number, value: number): void => {
    u32[(ctx + field) >> 2] = value;
  };
  const get = (field: number): number => u32[(ctx + field) >> 2]!;

  const bench: Bench = {
    memory,
    xdp,
    frames,
    ctx,
    calls,
    helpers: xdp.helpers,
    answer: 0,
    place(length = 60) {
      set(XDP_BUFF.data_hard_start, hard);
      set(XDP_BUFF.frame_sz, FRAME_SZ);
      set(XDP_BUFF.dev, dev);
      bench.setEnds({ meta: XDP_PACKET_HEADROOM, data: XDP_PACKET_HEADROOM, end: XDP_PACKET_HEADROOM + length });
    },
    ends: () => ({
      meta: get(XDP_BUFF.data_meta) - hard,
      data: get(XDP_BUFF.data) - hard,
      end: get(XDP_BUFF.data_end) - hard,
    }),
    setEnds({ meta, data, end }) {
      if (meta !== undefined) set(XDP_BUFF.data_meta, hard + meta);
      if (data !== undefined) set(XDP_BUFF.data, hard + data);
      if (end !== undefined) set(XDP_BUFF.data_end, hard + end);
    },
    createMap(id, filled) {
      const map = allocator.alloc(BPF_MAP.sizeof);
      u32[(map + BPF_MAP.map_type) >> 2] = BPF_MAP_TYPE.CPUMAP;
      u32[(map + BPF_MAP.max_entries) >> 2] = filled.length;
      u32[(map + BPF_MAP.id) >> 2] = id;
      filledOf.set(map, filled);
      return map;
    },
    lines: () => (subscription?.read().records ?? []).map((record) => control.format(record)),
    listen(listening) {
      subscription?.close();
      subscription = listening ? control.subscribe() : undefined;
    },
    counted: () => readTraceCounters(memory, trace, cpu),
  };
  bench.place();
  return bench;
}
