import { describe, expect, it } from 'vitest';
import {
  createTask,
  TASK,
  TASK_EXITED,
  TASK_NEW,
  TASK_POSTED,
  TASK_RUNNING,
  TASK_SLEEPING,
  TASK_WOKEN,
  type Tasks,
} from '../src/task.ts';
import { idleMachine } from './support/machine.ts';

const STATES = [TASK_NEW, TASK_POSTED, TASK_RUNNING, TASK_SLEEPING, TASK_WOKEN, TASK_EXITED];
const NAMES = ['NEW', 'POSTED', 'RUNNING', 'SLEEPING', 'WOKEN', 'EXITED'];

function newTask(state = TASK_NEW, cpu = 1) {
  const { memory, allocator, machine, tasks } = idleMachine(2);
  const task = createTask(memory, allocator, 7, 4096, cpu);
  tasks.setState(task, state);
  return { memory, machine, tasks, task };
}

it('a new task names its kind, its data and its CPU', () => {
  const { memory, tasks, task } = newTask();
  const word = (offset: number) => memory.u32[(task + offset) >> 2];
  expect([word(TASK.kind), word(TASK.data), word(TASK.cpu)]).toEqual([7, 4096, 1]);
  expect(tasks.state(task)).toBe(TASK_NEW);
  expect(tasks.shouldStop(task)).toBe(false);
});

describe('every operation in every state', () => {
  type Operation = (tasks: Tasks, task: number) => boolean | undefined;
  /** The state that follows from some states, and what is answered then and elsewhere; kicks of the task's CPU. */
  interface Rule {
    readonly name: string;
    readonly run: Operation;
    readonly moves: Partial<Record<number, number>>;
    readonly kicks: (state: number) => number;
  }
  const onlyWhenAsleep = (state: number): number => (state === TASK_SLEEPING ? 1 : 0);
  const silent = (): number => 0;
  const from = (to: number) => Object.fromEntries(STATES.map((state) => [state, to]));
  const RULES: Rule[] = [
    {
      name: 'wakeUp',
      run: (tasks, task) => void tasks.wakeUp(task),
      moves: { [TASK_SLEEPING]: TASK_WOKEN },
      kicks: onlyWhenAsleep,
    },
    {
      name: 'stop',
      run: (tasks, task) => void tasks.stop(task),
      moves: { [TASK_SLEEPING]: TASK_WOKEN },
      kicks: onlyWhenAsleep,
    },
    {
      name: 'consumeWake',
      run: (tasks, task) => tasks.consumeWake(task),
      moves: { [TASK_WOKEN]: TASK_RUNNING },
      kicks: silent,
    },
    {
      name: 'cancelSleep',
      run: (tasks, task) => tasks.cancelSleep(task),
      moves: { [TASK_SLEEPING]: TASK_RUNNING },
      kicks: silent,
    },
    {
      name: 'announceSleep',
      run: (tasks, task) => void tasks.announceSleep(task),
      moves: from(TASK_SLEEPING),
      kicks: silent,
    },
    { name: 'post', run: (tasks, task) => void tasks.post(task), moves: from(TASK_POSTED), kicks: () => 1 },
  ];
  const TABLE = RULES.flatMap((rule) => STATES.map((state) => ({ ...rule, state, inState: NAMES[state] })));

  it.each(TABLE)('$name of a $inState task', ({ name, run, moves, kicks, state }) => {
    const { machine, tasks, task } = newTask(state);
    const answer = run(tasks, task);
    expect(NAMES[tasks.state(task)]).toBe(NAMES[moves[state] ?? state]);
    if (answer !== undefined) expect(answer).toBe(moves[state] !== undefined);
    expect(machine.kicks(1)).toBe(kicks(state));
    expect(machine.kicks(0)).toBe(0);
    expect(tasks.shouldStop(task)).toBe(name === 'stop');
    expect(machine.hasInbox(1)).toBe(name === 'post');
  });
});

describe('a sleeper', () => {
  it('is woken once, however often it is called', () => {
    const { machine, tasks, task } = newTask(TASK_RUNNING);
    tasks.announceSleep(task);
    for (let i = 0; i < 3; i++) tasks.wakeUp(task);
    expect(machine.kicks(1)).toBe(1);
    expect([tasks.consumeWake(task), tasks.consumeWake(task)]).toEqual([true, false]);
  });

  it('cannot take its announcement back once it was woken', () => {
    const { tasks, task } = newTask(TASK_RUNNING);
    tasks.announceSleep(task);
    tasks.wakeUp(task);
    expect(tasks.cancelSleep(task)).toBe(false);
    expect(tasks.consumeWake(task)).toBe(true);
  });

  it('that was asked to stop stays asked', () => {
    const { tasks, task } = newTask(TASK_RUNNING);
    tasks.stop(task);
    tasks.announceSleep(task);
    expect(tasks.shouldStop(task)).toBe(true);
  });
});
