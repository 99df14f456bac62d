/** What a host is made with, and what it can do. */
import type { BpfEngine, BpfProgram, ProgramSpec } from '@cpumap/bpf';
import type { NicDevice, NicOptions } from '@cpumap/nic';
import type { CpuFailure, Memory } from '@cpumap/smp';
import type { Release } from '@cpumap/uapi';
import type { Backend } from './backend.ts';
import type { CostSet } from './costs/cost-set.ts';
import type { HandlerCode } from './cpu-runtime.ts';
import type { Ledger } from './ledger.ts';
import type { Probe, ProbeOptions } from './probe/probe-control.ts';
import type { LoadedProgram } from './program-control.ts';
import type { ProgramStep } from './program-steps.ts';
import type { Statistics } from './statistics.ts';
import type { TestRunOptions, TestRunResult } from './test-run.ts';

export interface HostOptions {
  /** How many CPUs the machine has, 1 to 256. */
  readonly cpus: number;
  /** Whose behaviour it shows. Default '6.18'. */
  readonly release?: Release;
  /** Default 'threads'. */
  readonly executor?: 'threads' | 'virtual';
  /** Of the virtual executor's schedule and of bpf_get_prandom_u32. Default 1. */
  readonly seed?: number;
  /** Bytes of shared memory to reserve; what is not used costs no RAM. Default 512 MiB. */
  readonly memoryBytes?: number;
  /** Trace records kept per CPU. Default 4096, 512 on machines of more than 16 CPUs. */
  readonly traceRecords?: number;
  /** Of the virtual executor: what each stage of a frame's way costs. Default 85 ns a frame and CPU, 200 ns a turn. */
  readonly costs?: CostSet;
  /** What runs bytecode: the compiler (default), or the interpreter that it is compared with. */
  readonly bpfEngine?: BpfEngine;
  /**
   * Whether `createProbe` works: frames can then be watched on their way, which costs a little on every frame also while
   * nobody does. Default false.
   */
  readonly probes?: boolean;
  /** Told the first error of each program and of the packet handlers, per CPU. */
  readonly onReport?: (text: string) => void;
  /** Told each step of XDP programs that are bytecode; for the virtual executor and `bpfEngine: 'interp'` alone. */
  readonly onStep?: (step: ProgramStep) => void;
  /** Told the lines of bpf_trace_printk. */
  readonly onPrintk?: (line: string, cpu: number) => void;
}

export interface DeviceOptions extends Omit<NicOptions, 'name' | 'ifindex'> {
  /** Default nic0, nic1, … */
  readonly name?: string;
}

export interface Host extends Backend<Statistics> {
  readonly kind: 'engine';
  readonly release: Release;
  readonly executor: 'threads' | 'virtual';
  readonly seed: number;
  /** For programs and handlers that run in this thread, and for tests. */
  readonly memory: Memory;
  createDevice(options?: DeviceOptions): NicDevice;
  readonly devices: readonly NicDevice[];
  /**
   * Registers a packet handler on every CPU; resolves to its id. With direction 'out' it sees what devices send instead
   * of what the stack receives.
   * @throws KernelError EINVAL for a bare function on threads; what its module throws
   */
  addHandler(
    code: HandlerCode,
    options?: { protocol?: number; direction?: 'in' | 'out'; options?: unknown },
  ): Promise<number>;
  removeHandler(id: number): Promise<void>;
  /** bpf(BPF_PROG_TEST_RUN). @throws KernelError EINVAL, ENODEV, ENOTSUPP */
  testRun(program: BpfProgram, options: TestRunOptions): Promise<TestRunResult>;
  loadProgram(spec: ProgramSpec): Promise<LoadedProgram>;
  /** Watches frames on their way. @throws KernelError EOPNOTSUPP on a host without `probes`, EINVAL, ENOMEM */
  createProbe(options: ProbeOptions): Probe;
  /** Nanoseconds on the machine's clock. */
  now(): number;
  /** Lets that much of the machine's time pass, less if `until` becomes true. Virtual CPUs run only in here. */
  advance(ns: number, until?: () => boolean): Promise<void>;
  /** Until all sources have ended and every frame has. Never, while a source goes on for ever. */
  settle(): Promise<void>;
  /** Frames waiting in the rings of cpumap entries, by remote CPU. */
  queueDepths(): ReadonlyMap<number, number>;
  ledger(): Ledger;
  /** CPUs that died; nothing that needs them works any more. */
  readonly failures: readonly CpuFailure[];
  /** What programs and handlers threw, the first of each per CPU. */
  readonly reports: readonly string[];
}
