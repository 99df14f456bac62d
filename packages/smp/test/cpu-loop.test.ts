import { describe, expect, it } from 'vitest';
import { createCpuLoop } from '../src/cpu-loop.ts';
import {
  createTask,
  GONE,
  MOVED,
  TASK,
  TASK_EXITED,
  TASK_POSTED,
  TASK_RUNNING,
  type TaskContext,
} from '../src/task.ts';
import { idleMachine } from './support/machine.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Two CPUs; what happens to the tasks is written down in `log`. A task polls as its `data` finds it in `polls`. */
function loops() {
  const { memory, allocator, machine: bare, tasks } = idleMachine(2);
  const log: string[] = [];
  const machine = { ...bare, kickHost: () => void log.push('host') };
  const polls: (() => number)[] = [];
  const due: number[] = [];
  const kind = (name: string) => (task: number, data: number) => {
    log.push(`${name} ${data} made while ${tasks.state(task) === TASK_POSTED ? 'posted' : 'otherwise'}`);
    return {
      poll() {
        log.push(`poll ${data}`);
        return polls[data]?.() ?? 0;
      },
      dueIn: () => due[data] ?? NEVER,
      close: () => void log.push(`close ${data}`),
    } satisfies TaskContext;
  };
  const kinds = [kind('kthread'), kind('napi')];
  const cpus = [0, 1].map((cpu) => createCpuLoop(machine, tasks, cpu, kinds));
  const post = (data: number, taskKind = 0, cpu = 0) => {
    const task = createTask(memory, allocator, taskKind, data, cpu);
    tasks.post(task);
    return task;
  };
  /** What was logged since the last call. */
  const take = () => log.splice(0);
  return { memory, machine, tasks, cpu0: cpus[0]!, cpu1: cpus[1]!, post, polls, due, take };
}

describe('a turn', () => {
  it('takes new tasks in the order in which they were posted, makes them by their kind, and polls them in that order', () => {
    const { cpu0, post, take, tasks } = loops();
    const posted = [post(1), post(2, 1), post(3)];
    expect(cpu0.turn()).toBe(0);
    const made = ['kthread 1 made while posted', 'napi 2 made while posted', 'kthread 3 made while posted'];
    expect(take()).toEqual([...made, 'host', 'poll 1', 'poll 2', 'poll 3']);
    expect(posted.map((task) => tasks.state(task))).toEqual([TASK_RUNNING, TASK_RUNNING, TASK_RUNNING]);
    post(4);
    cpu0.turn();
    expect(take()).toEqual(['kthread 4 made while posted', 'host', 'poll 1', 'poll 2', 'poll 3', 'poll 4']);
  });

  it('leaves tasks of another CPU alone', () => {
    const { cpu0, cpu1, post, take } = loops();
    post(1, 0, 1);
    cpu0.turn();
    expect(take()).toEqual([]);
    cpu1.turn();
    expect(take()).toContain('poll 1');
  });

  it('adds up the work of its tasks', () => {
    const { cpu0, post, polls } = loops();
    for (const data of [1, 2, 3]) post(data);
    polls[1] = () => 64;
    polls[3] = () => 8;
    expect(cpu0.turn()).toBe(72);
  });

  it('ends with exactly one quiet point, after the last poll', () => {
    const { machine, cpu0, post, polls } = loops();
    const during: number[] = [];
    post(1);
    polls[1] = () => during.push(machine.quietPoints(0));
    for (let i = 0; i < 3; i++) cpu0.turn();
    expect(during).toEqual([0, 1, 2]);
    expect([machine.quietPoints(0), machine.quietPoints(1)]).toEqual([3, 0]);
  });

  it('runs a task that was posted during it in the next one', () => {
    const { cpu0, post, polls, take } = loops();
    post(1);
    polls[1] = () => {
      if (polls[2] === undefined) post(2);
      polls[2] = () => 0;
      return 1;
    };
    cpu0.turn();
    expect(take()).not.toContain('poll 2');
    cpu0.turn();
    expect(take().slice(-2)).toEqual(['poll 1', 'poll 2']);
  });
});

describe('a task that leaves', () => {
  it.each([
    ['first', 1],
    ['in the middle', 2],
    ['last', 3],
  ])('for good, %s of three: is EXITED, the host hears it, the others are polled once', (_, leaver) => {
    const { cpu0, post, polls, take, tasks } = loops();
    const posted = [1, 2, 3].map((data) => post(data));
    polls[leaver] = () => GONE;
    expect(cpu0.turn()).toBe(0);
    const log = take();
    expect(log.filter((line) => line.startsWith('poll'))).toEqual(['poll 1', 'poll 2', 'poll 3']);
    expect(log[log.indexOf(`poll ${leaver}`) + 1]).toBe('host');
    expect(posted.map((task) => tasks.state(task) === TASK_EXITED)).toEqual([1, 2, 3].map((data) => data === leaver));
    cpu0.turn();
    expect(take()).toEqual([1, 2, 3].filter((data) => data !== leaver).map((data) => `poll ${data}`));
  });

  it('for another CPU goes on there, and this one does not touch it again', () => {
    const { memory, cpu0, cpu1, post, polls, take, tasks } = loops();
    const task = post(1);
    polls[1] = () => {
      memory.u32[(task + TASK.cpu) >> 2] = 1;
      tasks.post(task);
      return MOVED;
    };
    cpu0.turn();
    expect(tasks.state(task)).toBe(TASK_POSTED);
    take();
    polls[1] = () => 5;
    expect([cpu0.turn(), cpu1.turn()]).toEqual([0, 5]);
    expect(tasks.state(task)).toBe(TASK_RUNNING);
    expect(take()).toEqual(['kthread 1 made while posted', 'host', 'poll 1']);
  });
});

describe('a loop', () => {
  it('is due when the first of its tasks is', () => {
    const { cpu0, post, due } = loops();
    expect(cpu0.dueIn()).toBe(NEVER);
    for (const data of [1, 2, 3]) post(data);
    cpu0.takeInbox();
    expect(cpu0.dueIn()).toBe(NEVER);
    due[2] = 700;
    due[3] = 300;
    expect(cpu0.dueIn()).toBe(300);
  });

  it('takes its inbox without running anything, when asked', () => {
    const { machine, cpu0, post, take, tasks } = loops();
    const task = post(1);
    cpu0.takeInbox();
    expect(take()).toEqual(['kthread 1 made while posted', 'host']);
    expect(tasks.state(task)).toBe(TASK_RUNNING);
    expect(machine.quietPoints(0)).toBe(0);
    cpu0.takeInbox();
    expect(take()).toEqual([]);
  });

  it('closes every context at its end; their tasks are EXITED and run no more', () => {
    const { cpu0, post, take, tasks } = loops();
    const posted = [post(1), post(2)];
    cpu0.turn();
    take();
    cpu0.close();
    expect(take()).toEqual(['close 1', 'close 2', 'host']);
    expect(posted.map((task) => tasks.state(task))).toEqual([TASK_EXITED, TASK_EXITED]);
    cpu0.turn();
    cpu0.close();
    expect(take()).toEqual(['host']);
  });
});
