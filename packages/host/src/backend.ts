/**
 * The backend: what the engine and the running kernel have in common. Tools and tests that only use this run on both.
 */
import type { BpfMap, BpfProgram, Btf, MapSpec, ProgramSpec } from '@cpumap/bpf';
import type { EventName, TraceControl, TraceCounters } from '@cpumap/tracepoints';
import type { DeviceStatistics } from './statistics.ts';

/** Native: in the driver, before any sk_buff. Generic ("skb mode"): behind the driver, on an sk_buff. */
export type XdpMode = 'native' | 'generic';

export interface XdpLink {
  readonly device: string;
  readonly mode: XdpMode;
  readonly program: BpfProgram;
  /** Takes the program off; when this returns no CPU runs it any more. Safe to call twice. */
  detach(): void;
}

export interface TracepointLink {
  readonly program: BpfProgram;
  readonly event: EventName;
  /** Takes the program off. Safe to call twice. */
  detach(): Promise<void>;
}

/** What every backend counts; the engine's `Statistics` says more. */
export interface BackendStatistics {
  /** Nanoseconds on the machine's clock. */
  readonly timestampNs: number;
  readonly devices: readonly DeviceStatistics[];
  readonly cpus: readonly { readonly cpu: number; readonly trace: TraceCounters }[];
}

/** `S` is what it counts. */
export interface Backend<S extends BackendStatistics = BackendStatistics> {
  readonly kind: 'engine' | 'linux';
  /** Whose behaviour it shows, as in `uname -r`. */
  readonly release: string;
  /** CPUs that can be redirect targets are 0 to this minus 1. */
  readonly possibleCpus: number;
  readonly trace: TraceControl;
  /** bpf(BPF_MAP_CREATE). @throws KernelError */
  createMap(spec: MapSpec): BpfMap;
  /** bpf(BPF_PROG_LOAD). @throws KernelError EINVAL (maps that do not fit); what a program's module throws */
  loadProgram(spec: ProgramSpec): Promise<BpfProgram>;
  /** What stands for a program or a map in the values of maps: a descriptor; on the engine its id. */
  fdOf(what: BpfProgram | BpfMap): number;
  /** The structs that CO-RE relocations of programs are resolved against. */
  coreTypes(): Btf;
  /** @throws KernelError ENODEV, EINVAL (made for map entries), EEXIST (other mode in use), EBUSY (the kernel: in use) */
  attachXdp(device: string, program: BpfProgram, mode?: XdpMode): XdpLink;
  /**
   * Runs a tracing program at each firing of the tracepoint that it was loaded for.
   * @throws KernelError EINVAL (no tracing program), EEXIST (attached already)
   */
  attachTracepoint(program: BpfProgram): Promise<TracepointLink>;
  statistics(): S;
  /** Detaches everything and gives everything back. Safe to call twice. */
  close(): Promise<void>;
}
