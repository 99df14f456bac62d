/**
 * The executor: who calls the CPUs' turns. Two exist, `threads` and `virtual`; nothing outside this package's executors
 * and the host knows which one it is.
 *
 * The host thread alone calls an executor. CPUs are reached in two ways: through the shared memory (tasks, kicks), which
 * both executors treat alike, and through commands, which need the CPU's own realm (a program's module to import).
 */
import type { Clock } from './clock.ts';
import type { CpuLoop } from './cpu-loop.ts';

/** What runs on one CPU, in that CPU's realm. */
export interface CpuRuntime {
  readonly loop: CpuLoop;
  /** Carries out a command of the host; a rejected promise is the host's answer. */
  handle(command: unknown): Promise<unknown>;
}

/** What a CPU tells the host unasked: the first error of a program, or a line that one printed. */
export type CpuMessage = { readonly cpu: number; readonly topic: 'report' | 'printk'; readonly text: string };

export interface CpuFailure {
  readonly cpu: number;
  readonly error: Error;
}

export interface Executor {
  readonly kind: 'threads' | 'virtual';
  readonly clock: Clock;
  /** Runs a command on a CPU. Rejects with what the CPU threw, or because the CPU died. */
  command(cpu: number, command: unknown): Promise<unknown>;
  /** Blocks until the CPUs have made `condition` true. @throws KernelError ETIMEDOUT or EIO, naming `what` */
  waitFor(what: string, condition: () => boolean): void;
  /** Lets `ns` nanoseconds pass on the machine's clock, or fewer if `until` becomes true. */
  advance(ns: number, until?: () => boolean): Promise<void>;
  /** CPUs that died. Their tasks never run again. */
  readonly failures: readonly CpuFailure[];
  /** Ends every CPU. Safe to call twice. */
  close(): Promise<void>;
}
