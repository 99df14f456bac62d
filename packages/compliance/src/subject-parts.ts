/** What a subject makes: maps and programs. */
import type { BpfMap } from '@cpumap/bpf';
import type { TestRunOptions, TestRunResult } from '@cpumap/host';

/** A map, and the number that stands for it where bpf(2) takes a descriptor. */
export interface SubjectMap extends BpfMap {
  readonly handle: number;
}

export interface SubjectProgram {
  readonly id: number;
  /** The number that stands for it where bpf(2) takes a descriptor. */
  readonly handle: number;
  testRun(options: TestRunOptions): Promise<TestRunResult>;
  /** The subject holds it no more; on the engine, where programs stay, nothing happens. */
  close(): void;
}
