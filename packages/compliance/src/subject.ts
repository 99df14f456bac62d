/**
 * What answers the suite's questions: the engine or the running kernel. A case sees no more of either than this, so it
 * cannot tell which one it asks.
 *
 * Owner  the suite opens and closes subjects; what a case made is closed for it when it has ended (`clear`).
 */
import type { MapSpec } from '@cpumap/bpf';
import type { SubjectMap, SubjectProgram } from './subject-parts.ts';
import type { Traffic } from './traffic/traffic.ts';

export type { SubjectMap, SubjectProgram } from './subject-parts.ts';

/** A program as text of the assembler; `map(name)` names one of `maps`. */
export interface ProgramText {
  readonly text: string;
  readonly name?: string;
  readonly maps?: Readonly<Record<string, SubjectMap>>;
  /** BPF_PROG_TYPE; default XDP. */
  readonly type?: number;
  readonly expectedAttachType?: number;
  readonly attachTo?: string;
  readonly frags?: boolean;
  /** Default GPL. */
  readonly license?: string;
}

export interface Subject {
  readonly name: string;
  readonly kind: 'engine' | 'kernel';
  readonly possibleCpus: number;
  /** @throws KernelError */
  createMap(spec: MapSpec): SubjectMap;
  /** @throws KernelError */
  loadProgram(program: ProgramText): Promise<SubjectProgram>;
  /** Frames through maps and programs that were made after it was first asked for. @throws KernelError EPERM */
  traffic(): Promise<Traffic>;
  /** Closes what was made since the last time, and is not kept. */
  clear(): void;
  /** What was made so far stays until the subject is closed. */
  keep(): void;
  close(): Promise<void>;
}

/** The ifindex of `lo`: a device that every subject has. */
export const LOOPBACK = 1;
/** An ifindex, and a descriptor, that no subject has. */
export const NOTHING = 9999;
