/**
 * What the dashboard asks of whoever runs a cpumap. The engine and the running kernel fill it alike; everything here is
 * called on the thread that serves the page, once per interval or when somebody asks, never by the data path.
 */
import type { ControlState, InputState, Topology } from './protocol.ts';

/** Frames of one queue that one CPU received, since the run began. */
export interface Arrivals {
  /** Its place in the topology's queues. */
  readonly queue: number;
  readonly cpu: number;
  readonly frames: number;
  readonly missed: number | null;
}

/** One CPU's counters; null is what the backend does not know. */
export interface CpuCounters {
  readonly cpu: number;
  /** What the program on the device met. */
  readonly rx: { readonly processed: number; readonly dropped: number } | null;
  readonly redirectErrors: number;
  /** By remote CPU; those with nothing may be left out. */
  readonly enqueue: readonly {
    readonly to: number;
    readonly processed: number;
    readonly drops: number;
    readonly events: number;
  }[];
  readonly kthread: {
    readonly processed: number;
    readonly events: number;
    readonly sched: number;
    readonly xdpDrop: number;
    readonly xdpRedirect: number;
  };
  readonly delivered: number | null;
  /** Frames that wait in its ring now; null: worked out from the other counters. */
  readonly depth: number | null;
}

/** All counters at one moment. They only grow. */
export interface Counters {
  readonly timestampNs: number;
  readonly received: number | null;
  readonly bytes: number | null;
  readonly missed: number | null;
  readonly lengthErrors: number | null;
  readonly programDrops: number | null;
  readonly redirected: number | null;
  readonly redirectErrors: number;
  readonly exceptions: number;
  readonly arrivals: readonly Arrivals[];
  /** CPUs that take part: that receive, are redirected to, or have counted anything. */
  readonly cpus: readonly CpuCounters[];
}

/** One frame that was looked at. */
export interface SampledFrame {
  /** Where it was received. */
  readonly cpu: number;
  /** Where it was redirected to. */
  readonly to: number | undefined;
  /** Its first bytes. */
  readonly bytes: Uint8Array;
}

/** Looks at some of the frames that are redirected. Off until it is started; costs nothing while it is off. */
export interface FlowSampler {
  /** What it costs, measured, for a person. */
  readonly cost: string;
  /** Every so many-th frame of each CPU. */
  start(every: number): Promise<void>;
  stop(): Promise<void>;
  /** What was sampled since the last call, and how many samples were lost meanwhile. */
  read(): { readonly frames: readonly SampledFrame[]; readonly lost: number };
}

export interface DashboardSource {
  topology(): Topology;
  counters(): Counters;
  input(): InputState;
  /** Absent with a reason. */
  readonly sampler?: FlowSampler;
  readonly whyNoSampler?: string;
}

/** A control says no. 400: the value is wrong; 409: it is right, but not now. */
export class ControlRefused extends Error {
  override readonly name = 'ControlRefused';
  readonly status: 400 | 409;

  constructor(status: 400 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * What can be changed while it runs. Values come from outside as they are: each function checks its own.
 * @throws ControlRefused from each of them
 */
export interface DashboardControls {
  state(): ControlState;
  /** Frames per second, or 'max'. */
  readonly rate?: (value: unknown) => Promise<void>;
  /** One of the choices in the state. */
  readonly program?: (value: unknown) => Promise<void>;
  /** Frames that the rings hold; all entries are replaced. */
  readonly qsize?: (value: unknown) => Promise<void>;
  /** `{ cpu, active }`: whether programs are to use a CPU. */
  readonly cpu?: (value: unknown) => Promise<void>;
  /** The frame of the capture to go on with, the first being 0. */
  readonly position?: (value: unknown) => Promise<void>;
  /** Whether frames are to come in. */
  readonly paused?: (value: unknown) => Promise<void>;
}

export type ControlName = Exclude<keyof DashboardControls, 'state'>;
