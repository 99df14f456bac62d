/**
 * XDP on one CPU: its programs, helpers and redirect state, put together. Drivers, generic XDP and kthreads run programs
 * through this.
 */

import { type BpfHelpers, JIT_STACK_SIZE, type ProgramInstance } from '@cpumap/bpf';
import type { FramePools, XdpFrames } from '@cpumap/skb';
import { type Allocator, type Clock, createPercpu, type Memory, type PercpuAt, percpu } from '@cpumap/smp';
import type { Tracepoints } from '@cpumap/tracepoints';
import type { Features } from '@cpumap/uapi';
import { XDP_COUNTERS } from './counters.ts';
import { attachRedirect, type Redirect } from './do-redirect.ts';
import { attachHelpers } from './helpers.ts';
import { REDIRECT_INFO } from './redirect-info.ts';
import type { DeviceRedirect, RedirectTarget } from './redirect-target.ts';

/** Where XDP's per-CPU data lies; plain data. */
export interface XdpAt {
  readonly redirectInfo: PercpuAt;
  readonly counters: PercpuAt;
  /** Word n is the address of the NET_DEVICE with ifindex n, 0 if there is none. */
  readonly ifindexes: number;
  /** The stack of the bytecode that runs on each CPU: one program at a time, and its next ones. */
  readonly stack: PercpuAt;
}

export const MAX_IFINDEX = 1024;
const TARGET_TYPES = 32;
/** Two frames of 512 bytes: what a bpf_tail_call from a function that the main one called leaves in use. */
const TAIL_CALLER_BYTES = 1024;
/** Room for a program of eight frames below 33 others, each of which made its tail call from such a function. */
export const XDP_STACK_BYTES = JIT_STACK_SIZE + 33 * TAIL_CALLER_BYTES;

export function createXdp(allocator: Allocator, nrCpus: number): XdpAt {
  return {
    redirectInfo: createPercpu(allocator, nrCpus, REDIRECT_INFO.sizeof),
    counters: createPercpu(allocator, nrCpus, XDP_COUNTERS.sizeof),
    ifindexes: allocator.alloc(MAX_IFINDEX * 4),
    stack: createPercpu(allocator, nrCpus, XDP_STACK_BYTES),
  };
}

export interface XdpParts {
  readonly memory: Memory;
  readonly cpu: number;
  readonly clock: Clock;
  readonly features: Features;
  readonly frames: XdpFrames;
  readonly tracepoints: Tracepoints;
  readonly pools: Pick<FramePools, 'putFrag'>;
  readonly seed: number;
  /** What redirects through maps go to, one for each type of map. */
  readonly targets: readonly RedirectTarget[];
  readonly device: DeviceRedirect;
  /** A program threw; told after the frame was counted. */
  readonly onProgramError: (progId: number, error: unknown) => void;
}

export interface Xdp extends Redirect {
  readonly helpers: BpfHelpers;
  /** Address of this CPU's REDIRECT_INFO: the per-CPU address of compiled programs. */
  readonly redirectInfo: number;
  /** First byte of this CPU's stack of programs. */
  readonly stack: number;
  /** Address of this CPU's XDP_COUNTERS. */
  readonly counters: number;
  addProgram(id: number, instance: ProgramInstance): void;
  /** The instance of a loaded program. */
  program(id: number): ProgramInstance;
  programThrew(progId: number, error: unknown): void;
}

export function attachXdp(parts: XdpParts, at: XdpAt): Xdp {
  const { memory, cpu } = parts;
  const targets: (RedirectTarget | undefined)[] = new Array(TARGET_TYPES).fill(undefined);
  for (const target of parts.targets) targets[target.mapType] = target;
  const programs: (ProgramInstance | undefined)[] = [undefined];
  const redirectInfo = percpu(at.redirectInfo, cpu);
  const counters = percpu(at.counters, cpu);
  const helpers = attachHelpers({ ...parts, targets, redirectInfo, descriptorSize: parts.frames.sizeof });
  const redirect = attachRedirect({
    ...parts,
    targets,
    redirectInfo,
    deviceByIndex: (ifindex) => (ifindex < MAX_IFINDEX ? memory.u32[(at.ifindexes >> 2) + ifindex]! : 0),
  });

  return {
    ...redirect,
    helpers,
    redirectInfo,
    stack: percpu(at.stack, cpu),
    counters,
    addProgram(id, instance) {
      programs[id] = instance;
    },
    program(id) {
      const instance = programs[id];
      if (instance === undefined) throw new Error(`program ${id} is not loaded on CPU ${cpu}`);
      return instance;
    },
    programThrew(progId, error) {
      memory.f64[(counters + XDP_COUNTERS.threw) >> 3]! += 1;
      parts.onProgramError(progId, error);
    },
  };
}
