/**
 * What the server tells the page, as JSON. Types alone: the page is built from them too.
 *
 * Rates are per second of the machine's clock, computed once per interval for everybody who looks; null is what the backend
 * cannot know.
 */

/** A place where frames come in: a queue of the NIC, or an interface whose queues are not known. */
export interface QueueFacts {
  readonly name: string;
}

export interface RemoteCpu {
  readonly cpu: number;
  /** Frames that its ring holds. */
  readonly qsize: number;
  /** Whether programs are told to use it. */
  readonly active: boolean;
}

/** What does not change by itself. */
export interface Topology {
  readonly backend: 'engine' | 'linux';
  /** Whose behaviour it is, as in `uname -r`. */
  readonly release: string;
  readonly device: string;
  /** Where the frames come from, for a person. */
  readonly input: string;
  readonly program: string;
  /** What the program does, for a person. */
  readonly programText: string | null;
  /** The second program, in the entries. */
  readonly remoteProgram: string | null;
  readonly queues: readonly QueueFacts[];
  readonly remoteCpus: readonly RemoteCpu[];
}

/** Frames of one queue that one CPU received. */
export interface ArrivalRate {
  readonly queue: number;
  readonly cpu: number;
  readonly rate: number;
  readonly missed: number | null;
}

/** Frames on their way from an RX CPU to a remote CPU. */
export interface LinkRate {
  readonly from: number;
  readonly to: number;
  /** Dropped ones among them. */
  readonly rate: number;
  readonly drops: number;
  readonly bulkAverage: number;
}

export type Level = 'idle' | 'ok' | 'busy' | 'losing';

export interface CpuPoint {
  readonly cpu: number;
  /** As an RX CPU: frames that the program saw, and those that ended there: dropped, aborted, or not redirected. */
  readonly received: number | null;
  readonly programDrops: number | null;
  readonly redirectErrors: number;
  /** Frames that its queues had no buffer for. */
  readonly missed: number | null;
  /** As a remote CPU: frames brought to its ring, dropped ones among them; those dropped because the ring was full. */
  readonly enqueued: number;
  readonly enqueueDrops: number;
  /** Frames in a bulk on the way to it; 8 is full. */
  readonly bulkAverage: number;
  /** Frames that its kthread took, and what the second program did not pass. */
  readonly taken: number;
  readonly remoteDrops: number;
  readonly remoteRedirects: number;
  /** Frames that the stack got. */
  readonly delivered: number | null;
  /** Frames in its ring at this moment. */
  readonly depth: number;
  /** Turns before which its kthread slept. */
  readonly wakeups: number;
  readonly level: Level;
  /** Why that level, in a sentence. */
  readonly reason: string;
}

/** One interval. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** How long it was. */
  readonly seconds: number;
  readonly received: number | null;
  readonly missed: number | null;
  readonly programDrops: number | null;
  readonly redirectErrors: number;
  readonly enqueueDrops: number;
  readonly remoteDrops: number;
  readonly delivered: number | null;
  readonly arrivals: readonly ArrivalRate[];
  readonly links: readonly LinkRate[];
  readonly cpus: readonly CpuPoint[];
}

/** What is kept of an interval that has passed: for the plots. */
export type PastPoint = Omit<Point, 'arrivals' | 'links' | 'cpus'> & {
  readonly cpus: readonly Pick<CpuPoint, 'cpu' | 'taken' | 'depth' | 'bulkAverage' | 'wakeups' | 'enqueueDrops'>[];
};

/** The same of one CPU since the run began. */
export interface CpuTotals {
  readonly cpu: number;
  readonly received: number | null;
  readonly missed: number | null;
  readonly programDrops: number | null;
  readonly redirectErrors: number;
  readonly enqueued: number;
  readonly enqueueDrops: number;
  readonly bulkAverage: number;
  readonly taken: number;
  readonly remoteDrops: number;
  readonly remoteRedirects: number;
  readonly delivered: number | null;
  readonly wakeups: number;
}

/** Since the run began: the numbers of the command's summary. */
export interface Totals {
  readonly seconds: number;
  readonly received: number | null;
  readonly bytes: number | null;
  readonly missed: number | null;
  readonly lengthErrors: number | null;
  readonly programDrops: number | null;
  readonly redirected: number | null;
  readonly redirectErrors: number;
  readonly enqueued: number;
  readonly enqueueDrops: number;
  readonly bulkAverage: number;
  readonly taken: number;
  readonly remoteDrops: number;
  readonly delivered: number | null;
  readonly exceptions: number;
  readonly cpus: readonly CpuTotals[];
}

export interface Choice {
  readonly value: string;
  readonly text: string;
}

/** What can be set, and how it is; null where the source has no such thing. */
export interface ControlState {
  readonly rate: { readonly value: number | 'max' } | null;
  readonly program: { readonly value: string; readonly choices: readonly Choice[] } | null;
  readonly qsize: { readonly value: number; readonly min: number; readonly max: number } | null;
  readonly cpus: { readonly note: string | null } | null;
  readonly replay: { readonly frame: number; readonly frames: number } | null;
  readonly pause: { readonly paused: boolean } | null;
}

export interface SamplerState {
  readonly on: boolean;
  /** Of the frames that each CPU redirects, every so many-th is looked at. */
  readonly every: number;
  /** What it costs, for a person. */
  readonly cost: string;
}

/** Whether frames come in: as they do, not for now, or no more as all were sent. */
export type InputState = 'running' | 'paused' | 'ended';

/** Everything that is not a number of an interval. */
export interface Setup {
  readonly topology: Topology;
  readonly input: InputState;
  readonly intervalSeconds: number;
  /** null with a reason where nothing can be set. */
  readonly controls: ControlState | null;
  readonly whyNoControls: string | null;
  readonly sampler: SamplerState | null;
  readonly whyNoSampler: string | null;
  /** Set when the run has ended. */
  readonly finished: string | null;
}

export interface Tick {
  readonly point: Point;
  readonly totals: Totals;
}

/** What a bar of the list of flows stands for. */
export interface FlowShare {
  /** The five-tuple, for a person; the innermost one of encapsulated packets. */
  readonly flow: string;
  /** What it is wrapped in, outermost first, as in "VLAN 100, GTP-U". */
  readonly encapsulation: string;
  /** What the program looked at for it. */
  readonly steeredBy: string;
  readonly samples: number;
  /** Of the CPU's samples, 0 to 1. */
  readonly share: number;
}

/** Why a CPU has the frames that it has. */
export interface FlowReport {
  readonly cpu: number;
  /** As what it was looked at: frames that it received, or that were redirected to it. */
  readonly role: 'rx' | 'remote';
  readonly samples: number;
  /** Of all samples, 0 to 1. */
  readonly share: number;
  readonly lost: number;
  readonly seconds: number;
  readonly flows: readonly FlowShare[];
  /** Different flows among the samples; the list has the largest. */
  readonly flowCount: number;
  /** How the program picks a CPU, in words. */
  readonly steering: string;
  readonly conclusions: readonly string[];
}
