/**
 * The threads executor, host side: one worker thread per CPU. The other side of each worker is `cpu-thread.ts`.
 *
 * Messages to a worker  { id, command }, taken from the port by the CPU between two turns.
 * Messages from it      { id, value } or { id, error } as the answer, { topic, text } unasked.
 */
import { Worker } from 'node:worker_threads';
import { KernelError } from '@cpumap/uapi';
import type { Clock } from './clock.ts';
import { type ErrorData, errorFromData } from './error-data.ts';
import type { CpuFailure, CpuMessage, Executor } from './executor.ts';
import type { Machine } from './machine.ts';

export interface ThreadsOptions {
  /** The worker's script: it must call `runCpuThread`. */
  readonly script: URL;
  /** What the script is started with, one for each CPU. */
  readonly workerData: (cpu: number) => unknown;
  readonly onMessage: (message: CpuMessage) => void;
  readonly clock: Clock;
}

/** The command that ends a CPU's loop. */
export const CLOSE_COMMAND = 'cpumap:close';

const PATIENCE_MS = 10_000;
/** How long `advance` rests between two looks: short at first, then longer, so that long runs leave little litter. */
const POLL_MS = { first: 0.5, last: 5, growth: 1.2 };
/** A CPU that does not end its poll within this time is given up, as the kernel's watchdog does with a soft lockup. */
const LOCKUP_MS = 10_000;
/** A CPU that does not end its loop within this time (a program that never returns) is terminated. */
const CLOSE_MS = 5_000;

export type FromWorker =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorData }
  | Omit<CpuMessage, 'cpu'>;

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export function createThreadsExecutor(machine: Machine, options: ThreadsOptions): Executor {
  const failures: CpuFailure[] = [];
  const threads = Array.from({ length: machine.nrCpus }, (_, cpu) => startThread(cpu));
  let closing: Promise<void> | undefined;

  function startThread(cpu: number) {
    const pending = new Map<number, Pending>();
    const worker = new Worker(options.script, {
      workerData: options.workerData(cpu),
      name: `cpu${cpu}`,
      execArgv: [], // what this process was started with, --eval for one, is not for a CPU
    });
    let nextId = 1;
    let dead = false;
    let ending = false;

    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (message: FromWorker) => {
      if ('text' in message) return options.onMessage({ cpu, ...message });
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if ('error' in message) waiting?.reject(errorFromData(message.error));
      else waiting?.resolve(message.value);
    });
    const fail = (error: Error): void => {
      if (dead) return;
      dead = true;
      failures.push({ cpu, error });
      machine.setAsleep(cpu, true); // a dead CPU holds nothing: RCU must not wait for it
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    };
    worker.on('error', fail);
    worker.on('exit', (code) => {
      if (ending && pending.size === 0) return;
      fail(new Error(`the thread of CPU ${cpu} ended unexpectedly (exit code ${code})`));
    });

    return {
      fail,
      terminate: () => worker.terminate(),
      command(command: unknown): Promise<unknown> {
        if (dead || ending) return Promise.reject(deadCpu(cpu));
        return new Promise((resolve, reject) => {
          const id = nextId++;
          pending.set(id, { resolve, reject });
          worker.postMessage({ id, command });
          machine.addCommand(cpu);
        });
      },
      async end(): Promise<void> {
        if (dead) return exited;
        const closed = this.command(CLOSE_COMMAND).catch(() => undefined);
        ending = true;
        const timer = new Promise((resolve) => setTimeout(resolve, CLOSE_MS, 'late').unref());
        if ((await Promise.race([closed, timer])) === 'late') {
          fail(new Error(`CPU ${cpu} did not end its poll within ${CLOSE_MS / 1000} s`));
        }
        await worker.terminate();
        return exited;
      },
    };
  }

  function deadCpu(cpu: number): KernelError {
    const cause = failures.find((failure) => failure.cpu === cpu)?.error;
    return new KernelError('EIO', `CPU ${cpu}`, { hint: cause?.message ?? 'its thread has ended', cause });
  }

  const watched = threads.map(() => ({ quietPoints: -1, since: 0 }));
  let watchedAt = 0;

  /** Gives up CPUs whose program or packet handler does not return. */
  function watch(): void {
    const now = performance.now();
    const looked = now - watchedAt < LOCKUP_MS / 10; // time that nobody looked does not count
    watchedAt = now;
    watched.forEach((seen, cpu) => {
      const quietPoints = machine.quietPoints(cpu);
      if (!looked || machine.isAsleep(cpu) || quietPoints !== seen.quietPoints) {
        seen.quietPoints = quietPoints;
        seen.since = now;
      } else if (now - seen.since > LOCKUP_MS) {
        const { fail, terminate } = threads[cpu]!;
        fail(
          new Error(
            `CPU ${cpu} did not end its poll for ${LOCKUP_MS / 1000} s: a program or packet handler on it does not return`,
          ),
        );
        void terminate();
      }
    });
  }

  return {
    kind: 'threads',
    clock: options.clock,
    failures,
    command: (cpu, command) => threads[cpu]!.command(command),
    waitFor(what, condition) {
      const deadline = performance.now() + PATIENCE_MS;
      while (!condition()) {
        const dead = threads.findIndex((_, cpu) => machine.isDead(cpu));
        if (dead >= 0 || failures.length > 0) throw deadCpu(failures[0]?.cpu ?? dead);
        if (performance.now() > deadline) {
          throw new KernelError('ETIMEDOUT', what, { hint: `no CPU did it within ${PATIENCE_MS / 1000} s` });
        }
        machine.waitHost(1);
      }
    },
    async advance(ns, until) {
      const end = options.clock.now() + ns;
      let pause = POLL_MS.first;
      while (failures.length === 0 && closing === undefined && !until?.()) {
        const left = (end - options.clock.now()) / 1e6;
        if (left <= 0) return;
        watch();
        await new Promise((resolve) => setTimeout(resolve, Math.min(left, pause)));
        pause = Math.min(pause * POLL_MS.growth, POLL_MS.last);
      }
    },
    close() {
      closing ??= Promise.all(threads.map((thread) => thread.end())).then(() => undefined);
      return closing;
    },
  };
}
