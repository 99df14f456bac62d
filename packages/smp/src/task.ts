/**
 * Tasks: what a CPU's loop runs. A kthread is one, a NAPI instance is one.
 *
 * Owner  whoever created it (host thread); its struct is in the shared memory, so any CPU can wake it.
 *
 * A task is  NEW ──post──► POSTED ──the CPU takes it──► RUNNING ⇄ SLEEPING, ──its poll says GONE──► EXITED
 *   SLEEPING ──wakeUpTask──► WOKEN ──its next poll──► RUNNING
 * Allowed  wakeUpTask and stopTask from any CPU and the host, at any time before EXITED was seen.
 *          enterSleep and consumeWake from the task's own CPU.
 *          A task that has put its state back may post itself to another CPU and answer MOVED (an interrupt whose
 *          affinity changed).
 * Prohibited  freeing it before EXITED: a waker may still hold it until an RCU grace period after it was unpublished.
 */
import { layout } from '@cpumap/uapi';
import type { Allocator } from './allocator.ts';
import type { Machine } from './machine.ts';
import type { Memory } from './memory.ts';

export const TASK = layout({
  next: 'u32', // link in a CPU's inbox
  kind: 'u32', // which of the CPU's task kinds runs it
  data: 'u32', // the struct that it serves
  cpu: 'u32',
  state: 'u32',
  shouldStop: 'u32',
});

export const TASK_NEW = 0;
export const TASK_POSTED = 1;
export const TASK_RUNNING = 2;
export const TASK_SLEEPING = 3;
export const TASK_WOKEN = 4;
export const TASK_EXITED = 5;

/** What `poll` answers when the task leaves this CPU's loop: for good, or because it was posted to another CPU. */
export const GONE = -1;
export const MOVED = -2;

/** One task as its CPU runs it. */
export interface TaskContext {
  /** Does at most one budget of work. Returns the frames handled, 0 when there was nothing to do, or GONE or MOVED. */
  poll(): number;
  /** Nanoseconds until there is work that nobody will wake it for, Infinity without; asked only after an idle turn. */
  dueIn(): number;
  /** Called on the CPU when the loop ends, so that what the context holds is put back. */
  close(): void;
}

export function createTask(memory: Memory, allocator: Allocator, kind: number, data: number, cpu: number): number {
  const task = allocator.alloc(TASK.sizeof);
  memory.u32[(task + TASK.kind) >> 2] = kind;
  memory.u32[(task + TASK.data) >> 2] = data;
  memory.u32[(task + TASK.cpu) >> 2] = cpu;
  return task;
}

export interface Tasks {
  /** Gives the task to the CPU that it names. */
  post(task: number): void;
  /** mirrors wake_up_process: 1 if it slept and is woken by this call, else 0 and no effect. */
  wakeUp(task: number): number;
  /** mirrors kthread_stop without the waiting: asks it to stop and wakes it. */
  stop(task: number): void;
  state(task: number): number;
  setState(task: number, state: number): void;
  shouldStop(task: number): boolean;
  /** Announces sleep; the caller must then look for work once more. */
  announceSleep(task: number): void;
  /** True once if the task slept and was woken. Only its own CPU. */
  consumeWake(task: number): boolean;
  /** Takes the announcement back; false when a waker was faster. */
  cancelSleep(task: number): boolean;
}

export function attachTasks(machine: Machine): Tasks {
  const words = machine.memory.i32;

  function wakeUp(task: number): number {
    const state = (task + TASK.state) >> 2;
    if (Atomics.load(words, state) !== TASK_SLEEPING) return 0;
    if (Atomics.compareExchange(words, state, TASK_SLEEPING, TASK_WOKEN) !== TASK_SLEEPING) return 0;
    machine.kick(words[(task + TASK.cpu) >> 2]!);
    return 1;
  }

  return {
    post(task) {
      Atomics.store(words, (task + TASK.state) >> 2, TASK_POSTED);
      machine.post(words[(task + TASK.cpu) >> 2]!, task, TASK.next);
    },
    wakeUp,
    stop(task) {
      Atomics.store(words, (task + TASK.shouldStop) >> 2, 1);
      wakeUp(task);
    },
    state: (task) => Atomics.load(words, (task + TASK.state) >> 2),
    setState(task, state) {
      Atomics.store(words, (task + TASK.state) >> 2, state);
    },
    shouldStop: (task) => Atomics.load(words, (task + TASK.shouldStop) >> 2) !== 0,
    announceSleep(task) {
      Atomics.store(words, (task + TASK.state) >> 2, TASK_SLEEPING);
    },
    consumeWake(task) {
      const state = (task + TASK.state) >> 2;
      return Atomics.compareExchange(words, state, TASK_WOKEN, TASK_RUNNING) === TASK_WOKEN;
    },
    cancelSleep(task) {
      const state = (task + TASK.state) >> 2;
      return Atomics.compareExchange(words, state, TASK_SLEEPING, TASK_RUNNING) === TASK_SLEEPING;
    },
  };
}
