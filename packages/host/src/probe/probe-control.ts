/**
 * Probes on the host's side: making them, reading their records, taking them away while frames flow. Host thread.
 *
 * A probe is  open ──close──► closed: its rings are freed after a grace period, when no CPU can still write to them.
 */
import { type Allocator, createPercpu, type Memory, percpu } from '@cpumap/smp';
import { KernelError } from '@cpumap/uapi';
import type { ProbeFilter } from './filter.ts';
import { HOOKS, type Hook, reasonName, reasonNumber } from './hooks.ts';
import {
  HOOK_BITS,
  MAX_SNAPLEN,
  NONE,
  ONE_CHANGE,
  PROBE_RECORD,
  PROBES,
  type ProbeEntry,
  type ProbesAt,
  RECORD_BYTES,
  RING_HEAD,
  RING_LOST,
  RING_RECORDS,
  RING_TAIL,
  SKIP,
} from './probe-area.ts';

export interface ProbeOptions {
  readonly hooks: readonly Hook[];
  /** Of the frames that the filter takes, each CPU keeps every so manieth at each hook, the first one included. Default 1. */
  readonly every?: number;
  /** Bytes of each frame that are kept, at most 65535, which is the default. */
  readonly snaplen?: number;
  /** Room for records per CPU, a power of two. Default 1 MiB, 128 KiB on machines of more than 16 CPUs. */
  readonly ringBytes?: number;
  readonly filter?: ProbeFilter;
}

/** One frame at one hook. What does not apply there, or is not known there, is absent. */
export interface ProbeRecord {
  readonly hook: Hook;
  /** Where it was seen. */
  readonly cpu: number;
  /** On the machine's clock. */
  readonly timestampNs: number;
  /** The device that it came in on. */
  readonly ifindex: number;
  readonly queue?: number;
  /** Id of the program that ran or redirected. */
  readonly program?: number;
  readonly verdict?: number;
  /** Target CPU, or ifindex if the map is none of CPUs. */
  readonly to?: number;
  readonly mapId?: number;
  readonly reason?: string;
  /** From 1: in the bulk queue (redirect, enqueue, enqueue-drop), in the kthread's batch (remote); `of` how many went at once. */
  readonly position?: number;
  readonly of?: number;
  /** Of the entry's ring. */
  readonly slot?: number;
  /** How many frames it stands for: more than 1 if GRO merged some. */
  readonly frames: number;
  /** Address of its buffer: the same at each hook, until it is returned. */
  readonly frame: number;
  /** Of the whole frame; `bytes` may be fewer. */
  readonly length: number;
  readonly bytes: Uint8Array;
  /** Records that this CPU lost between the one before and this one. */
  readonly lostBefore: number;
}

export interface ProbeBatch {
  /** Since the last read, by time; those of one CPU in their order. */
  readonly records: readonly ProbeRecord[];
  /** Records that found no room since the last read. */
  readonly lost: number;
  /** The same by CPU. */
  readonly lostByCpu: readonly number[];
}

export interface Probe {
  read(): ProbeBatch;
  /** Ends it. Records that were not read are gone. */
  close(): void;
}

export interface ProbeControlParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly cpus: number;
  readonly at: ProbesAt | undefined;
  /** Waits until no CPU can still use what it used before; false when a CPU has died, and nobody can know. */
  readonly grace: () => boolean;
}

const SYSCALL = 'createProbe';
const MIN_RING = 4096;
const MAX_RING = 64 * 1024 * 1024;

/** @throws KernelError EINVAL, EOPNOTSUPP, ENOMEM */
export type CreateProbe = (options: ProbeOptions) => Probe;

const invalid = (hint: string): KernelError => new KernelError('EINVAL', SYSCALL, { hint });

function checkOptions({ hooks, every, snaplen, ringBytes, filter }: Required<ProbeOptions>): void {
  if (hooks.length === 0) throw invalid(`no hook: there is ${HOOKS.join(', ')}`);
  for (const hook of hooks) {
    if (!HOOKS.includes(hook)) throw invalid(`no hook ${hook}: there is ${HOOKS.join(', ')}`);
  }
  if (!(Number.isInteger(every) && every >= 1))
    throw invalid(`every is ${every}, a whole number from 1 on is possible`);
  if (!(Number.isInteger(snaplen) && snaplen >= 1 && snaplen <= MAX_SNAPLEN)) {
    throw invalid(`snaplen is ${snaplen}, 1 to ${MAX_SNAPLEN} are possible`);
  }
  if (!(ringBytes >= MIN_RING && ringBytes <= MAX_RING && Number.isInteger(Math.log2(ringBytes)))) {
    throw invalid(`ringBytes is ${ringBytes}, powers of two from ${MIN_RING} to ${MAX_RING} are possible`);
  }
  if (filter.reason !== undefined && reasonNumber(filter.reason) === -1) {
    throw invalid(`no drop reason ${filter.reason}`);
  }
}

export function createProbeControl(parts: ProbeControlParts): CreateProbe {
  const { memory, allocator, cpus, at, grace } = parts;
  if (at === undefined) {
    return () => {
      throw new KernelError('EOPNOTSUPP', SYSCALL, {
        hint: 'this host was made without probes: make it with createHost({ probes: true })',
      });
    };
  }
  const { u8, u32, f64 } = memory;
  const { area } = at;
  const open = new Set<ProbeEntry>();
  let list = 0;
  let nextId = 1;

  /** Tells the CPUs which probes there are; frees the list before, and what else they cannot use any more. */
  function announce(unused?: number): void {
    const json = new TextEncoder().encode(JSON.stringify([...open]));
    const next = allocator.alloc(4 + json.length);
    u32[next >> 2] = json.length;
    u8.set(json, next + 4);
    const hooks = [...open].flatMap((entry) => entry.hooks).reduce((bits, hook) => bits | (1 << hook), 0);
    const state = (area + PROBES.state) >> 2;
    Atomics.store(u32, (area + PROBES.list) >> 2, next);
    Atomics.store(u32, state, (((u32[state]! & ~HOOK_BITS) + ONE_CHANGE) | hooks) >>> 0);
    if (grace()) {
      if (list !== 0) allocator.free(list);
      if (unused !== undefined) allocator.free(unused);
    }
    list = next;
  }

  function readRecord(record: number, cpu: number, lostBefore: number): ProbeRecord {
    const word = (field: number): number => u32[(record + field) >> 2]!;
    const field = (name: string, offset: number): object => (word(offset) === NONE ? {} : { [name]: word(offset) });
    const R = PROBE_RECORD;
    return {
      hook: HOOKS[word(R.hook)]!,
      cpu,
      timestampNs: f64[(record + R.timestamp) >> 3]!,
      ifindex: word(R.ifindex),
      ...field('queue', R.queue),
      ...field('program', R.prog_id),
      ...field('verdict', R.verdict),
      ...field('to', R.to),
      ...field('mapId', R.map_id),
      ...(word(R.reason) === NONE ? {} : { reason: reasonName(word(R.reason)) }),
      ...field('position', R.position),
      ...field('of', R.of),
      ...field('slot', R.slot),
      frames: word(R.frames),
      frame: word(R.frame),
      length: word(R.length),
      bytes: u8.slice(record + RECORD_BYTES, record + RECORD_BYTES + word(R.captured)),
      lostBefore,
    };
  }

  /** What one CPU wrote, added to `into`; `lost` is what its ring had lost when the last record was written. */
  function readRing(ring: number, ringBytes: number, cpu: number, lost: number, into: ProbeRecord[]): number {
    const head = Atomics.load(u32, (ring + RING_HEAD) >> 2);
    let tail = u32[(ring + RING_TAIL) >> 2]!;
    let known = lost;
    while (tail !== head) {
      const offset = tail & (ringBytes - 1);
      const record = ring + RING_RECORDS + offset;
      const size = u32[record >> 2]!;
      if (size !== SKIP) {
        const lostByNow = u32[(record + PROBE_RECORD.lost) >> 2]!;
        into.push(readRecord(record, cpu, (lostByNow - known) >>> 0));
        known = lostByNow;
      }
      tail = (tail + (size === SKIP ? ringBytes - offset : size)) >>> 0;
    }
    Atomics.store(u32, (ring + RING_TAIL) >> 2, tail);
    return known;
  }

  return ({ hooks, every = 1, snaplen = MAX_SNAPLEN, ringBytes = cpus > 16 ? 2 ** 17 : 2 ** 20, filter = {} }) => {
    checkOptions({ hooks, every, snaplen, ringBytes, filter });
    const rings = createPercpu(allocator, cpus, RING_RECORDS + ringBytes);
    const indexes = [...new Set(hooks)].map((hook) => HOOKS.indexOf(hook));
    const entry: ProbeEntry = { id: nextId++, hooks: indexes, every, snaplen, rings, ringBytes, filter };
    const told = new Uint32Array(cpus); // of what each ring lost: by a read, and by the last record
    const lostAtRecord = new Uint32Array(cpus);
    open.add(entry);
    announce();

    return {
      read() {
        const records: ProbeRecord[] = [];
        const lostByCpu = new Array<number>(cpus).fill(0);
        if (!open.has(entry)) return { records, lost: 0, lostByCpu };
        for (let cpu = 0; cpu < cpus; cpu++) {
          const ring = percpu(rings, cpu);
          lostAtRecord[cpu] = readRing(ring, ringBytes, cpu, lostAtRecord[cpu]!, records);
          const count = Atomics.load(u32, (ring + RING_LOST) >> 2);
          lostByCpu[cpu] = (count - told[cpu]!) >>> 0;
          told[cpu] = count;
        }
        records.sort((a, b) => a.timestampNs - b.timestampNs);
        return { records, lost: lostByCpu.reduce((sum, lost) => sum + lost, 0), lostByCpu };
      },
      close() {
        if (!open.delete(entry)) return;
        announce(rings.at);
      },
    };
  };
}
