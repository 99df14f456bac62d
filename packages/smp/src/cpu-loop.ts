/**
 * One CPU: the tasks that it runs, and one turn of its loop.
 *
 * Who calls `turn` is the executor's business; whoever does, calls it for one CPU from one thread only.
 * A turn takes new tasks from the inbox, lets each task do one budget of work in the order in which they came, and ends
 * with a quiet point.
 */
import type { Machine } from './machine.ts';
import { GONE, MOVED, TASK, TASK_EXITED, TASK_RUNNING, type TaskContext, type Tasks } from './task.ts';

/** Makes the context of a task of one kind, on the CPU that runs it. */
export type TaskKind = (task: number, data: number) => TaskContext;

export interface CpuLoop {
  readonly cpu: number;
  /** Returns the frames handled by all tasks together. */
  turn(): number;
  /** Takes new tasks without running any. */
  takeInbox(): void;
  /** Nanoseconds until a task has work by itself. */
  dueIn(): number;
  /** Ends all contexts; their tasks are EXITED after that. */
  close(): void;
}

export function createCpuLoop(machine: Machine, tasks: Tasks, cpu: number, kinds: readonly TaskKind[]): CpuLoop {
  const words = machine.memory.u32;
  const running: { task: number; context: TaskContext }[] = [];

  function takeInbox(): void {
    const started: number[] = [];
    for (let task = machine.takeInbox(cpu); task !== 0; task = words[(task + TASK.next) >> 2]!) started.unshift(task);
    for (const task of started) {
      const kind = kinds[words[(task + TASK.kind) >> 2]!]!;
      const context = kind(task, words[(task + TASK.data) >> 2]!);
      running.push({ task, context });
      tasks.setState(task, TASK_RUNNING);
    }
    if (started.length > 0) machine.kickHost();
  }

  function leave(index: number, how: number): void {
    const [gone] = running.splice(index, 1);
    // a task that moved is no longer ours to touch: the other CPU may run it already
    if (how === GONE) tasks.setState(gone!.task, TASK_EXITED);
    machine.kickHost();
  }

  return {
    cpu,
    takeInbox,
    turn() {
      if (machine.hasInbox(cpu)) takeInbox();
      let work = 0;
      for (let i = 0; i < running.length; i++) {
        const done = running[i]!.context.poll();
        if (done === GONE || done === MOVED) leave(i--, done);
        else work += done;
      }
      machine.quiet(cpu);
      return work;
    },
    dueIn() {
      let due = Number.POSITIVE_INFINITY;
      for (let i = 0; i < running.length; i++) due = Math.min(due, running[i]!.context.dueIn());
      return due;
    },
    close() {
      for (const { task, context } of running.splice(0)) {
        context.close();
        tasks.setState(task, TASK_EXITED);
      }
      machine.kickHost();
    },
  };
}
