import { KernelError } from '@cpumap/uapi';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWallClock } from '../src/clock.ts';
import type { CpuMessage, Executor } from '../src/executor.ts';
import { createThreadsExecutor } from '../src/executor-threads.ts';
import { attachPtrRings, ptrRingBytes } from '../src/ptr-ring.ts';
import { synchronizeRcu } from '../src/rcu.ts';
import { createTask, TASK_EXITED, TASK_RUNNING } from '../src/task.ts';
import { idleMachine } from './support/machine.ts';

const ADDER = 0;
const THROWER = 1;
const BAD_CLOSER = 2;
const EXITING_CLOSER = 3;

const open: Executor[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await Promise.all(open.splice(0).map((executor) => executor.close()));
});

function threads(nrCpus: number, idleTurns = 0) {
  const { memory, allocator, machine, at, tasks } = idleMachine(nrCpus);
  const messages: CpuMessage[] = [];
  const executor = createThreadsExecutor(machine, {
    script: new URL('./workers/cpu.js', import.meta.url),
    workerData: (cpu) => ({ wasm: memory.wasm, at, cpu, idleTurns }),
    onMessage: (message) => messages.push(message),
    clock: createWallClock(process.hrtime.bigint()),
  });
  open.push(executor);
  const run = (cpu: number, kind: number, data = 0) => {
    const task = createTask(memory, allocator, kind, data, cpu);
    tasks.post(task);
    return task;
  };
  return { memory, allocator, machine, tasks, executor, messages, run };
}

/** Waits for what only the event loop can bring. */
const until = (condition: () => boolean): Promise<unknown> => vi.waitUntil(condition, { timeout: 10_000, interval: 5 });

describe('commands', () => {
  it('are answered by the CPU that they were given to, in any number at once', async () => {
    const { executor, machine } = threads(3);
    const all = Array.from({ length: 300 }, (_, i) => executor.command(i % 3, { op: 'echo', value: i }));
    expect(await Promise.all(all)).toEqual(Array.from({ length: 300 }, (_, value) => ({ cpu: value % 3, value })));
    expect([0, 1, 2].map(machine.hasCommands)).toEqual([false, false, false]);
    expect(executor).toMatchObject({ kind: 'threads', failures: [] });
  });

  it('may import a module', async () => {
    const { executor } = threads(1);
    expect(await executor.command(0, { op: 'import', value: 'node:zlib' })).toBe(true);
  });

  it('come back as the error that the CPU threw', async () => {
    const { executor } = threads(1);
    const thrown = await executor.command(0, { op: 'kernel error', value: 'make room' }).catch((error) => error);
    expect(thrown).toBeInstanceOf(KernelError);
    expect(thrown).toMatchObject({ code: 'ENOSPC', errno: 28, syscall: 'call', hint: 'make room' });
    expect(thrown).toHaveProperty('stack', expect.stringContaining('cpu.js'));
    await expect(executor.command(0, { op: 'throw', value: 'wrong' })).rejects.toThrow(new Error('wrong'));
    await expect(executor.command(0, { op: 'throw text', value: 'just text' })).rejects.toThrow('just text');
    expect(await executor.command(0, { op: 'echo', value: 'alive' })).toEqual({ cpu: 0, value: 'alive' });
  });

  it('let a CPU tell something unasked', async () => {
    const { executor, messages } = threads(2);
    await executor.command(1, { op: 'say', value: 'first error of a program' });
    expect(messages).toEqual([{ cpu: 1, topic: 'report', text: 'first error of a program' }]);
  });
});

describe('tasks', () => {
  it.each([0, 1000])('on 3 CPUs take all that a ring brings, sleep, wake and stop (idle turns: %i)', (idleTurns) => {
    const { memory, allocator, tasks, executor, run } = threads(3, idleTurns);
    const rings = attachPtrRings(memory);
    const bulk = allocator.alloc(256);
    const adders = [0, 1, 2].map((cpu) => {
      const [ring, data] = [allocator.alloc(ptrRingBytes(64)), allocator.alloc(64)];
      rings.init(ring, 64);
      memory.u32.set([ring, allocator.alloc(64)], data >> 2);
      return { ring, sum: (data >> 2) + 2, task: run(cpu, ADDER, data) };
    });
    const sums = () => adders.map(({ sum }) => Atomics.load(memory.u32, sum));
    executor.waitFor('their start', () => adders.every(({ task }) => tasks.state(task) !== 1));

    for (let round = 1; round <= 200; round++) {
      memory.u32.fill(round, bulk >> 2, (bulk >> 2) + 10);
      for (const { ring, task } of adders) {
        expect(rings.produceBulk(ring, bulk, 10)).toBe(10);
        tasks.wakeUp(task);
      }
      const wanted = 5 * round * (round + 1);
      executor.waitFor('the work', () => sums().every((sum) => sum === wanted));
    }
    for (const { task } of adders) tasks.stop(task);
    executor.waitFor('their end', () => adders.every(({ task }) => tasks.state(task) === TASK_EXITED));
  });

  it('are waited for until they do it, or ETIMEDOUT', () => {
    const { executor } = threads(1);
    const start = performance.now();
    let asked = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => start + 100 * asked);
    expect(() => executor.waitFor('a miracle', () => asked++ < 0)).toThrow(
      expect.objectContaining({ code: 'ETIMEDOUT', syscall: 'a miracle' }),
    );
    expect(asked).toBeGreaterThan(90);
  });
});

describe('time', () => {
  it('passes by itself, or until something is true', async () => {
    const { executor } = threads(1);
    const start = executor.clock.now();
    await executor.advance(10e6);
    expect(executor.clock.now() - start).toBeGreaterThanOrEqual(10e6);
    let asked = 0;
    await executor.advance(Number.POSITIVE_INFINITY, () => ++asked === 3);
    expect(asked).toBe(3);
  });
});

describe('a CPU that dies', () => {
  it('by exit: rejects what it was asked and what comes after, and is named; the others go on', async () => {
    const { executor, machine } = threads(3);
    const waiting = [executor.command(1, { op: 'exit', value: 3 }), executor.command(1, { op: 'echo' })];
    const results = await Promise.allSettled(waiting);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(executor.failures).toEqual([
      { cpu: 1, error: new Error('the thread of CPU 1 ended unexpectedly (exit code 3)') },
    ]);
    await expect(executor.command(1, { op: 'echo' })).rejects.toMatchObject({
      code: 'EIO',
      syscall: 'CPU 1',
      hint: expect.stringContaining('exit code 3'),
    });
    expect(await executor.command(2, { op: 'echo', value: 1 })).toEqual({ cpu: 2, value: 1 });
    expect(machine.isAsleep(1)).toBe(true);
    expect(() => executor.waitFor('anything', () => false)).toThrow(expect.objectContaining({ code: 'EIO' }));
    await executor.advance(Number.POSITIVE_INFINITY); // no CPU will make it true any more
  });

  it('of an error in a task: that error is the failure, and RCU does not wait for it', async () => {
    const { executor, machine, run } = threads(2);
    run(1, THROWER);
    await until(() => executor.failures.length > 0);
    expect(executor.failures).toEqual([{ cpu: 1, error: new Error('a task failed') }]);
    synchronizeRcu(machine);
  });
});

describe('close', () => {
  it('ends every CPU once; commands are refused after, and RCU has nobody to wait for', async () => {
    const { executor, machine, memory, allocator, tasks, run } = threads(3);
    const data = allocator.alloc(64);
    const ring = allocator.alloc(ptrRingBytes(8));
    attachPtrRings(memory).init(ring, 8);
    memory.u32.set([ring, allocator.alloc(64)], data >> 2);
    const task = run(2, ADDER, data);
    executor.waitFor('its start', () => tasks.state(task) !== 1);
    const answered = executor.command(0, { op: 'echo', value: 'before' });
    const closing = executor.close();
    expect(executor.close()).toBe(closing);
    await closing;
    expect(await answered).toEqual({ cpu: 0, value: 'before' });
    expect(executor.failures).toEqual([]);
    expect([tasks.state(task), memory.u32[(data >> 2) + 3]]).toEqual([TASK_EXITED, 1]);
    await expect(executor.command(0, { op: 'echo' })).rejects.toMatchObject({ code: 'EIO' });
    synchronizeRcu({ ...machine, waitHost: () => expect.fail('waited for a CPU that has ended') });
    await executor.advance(Number.POSITIVE_INFINITY);
  });

  it('terminates a CPU that does not come back, and says so', async () => {
    const { executor } = threads(2);
    await executor.command(1, { op: 'echo' });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const spinning = executor.command(1, { op: 'spin' }).catch((thrown) => thrown);
    const closing = executor.close();
    vi.advanceTimersByTime(5000);
    await closing;
    expect(executor.failures.find(({ cpu }) => cpu === 1)).toEqual({
      cpu: 1,
      error: new Error('CPU 1 did not end its poll within 5 s'),
    });
    expect(await spinning).toBeInstanceOf(Error);
  });

  it.each([
    [BAD_CLOSER, 'a task failed to close'],
    [EXITING_CLOSER, 'the thread of CPU 0 ended unexpectedly (exit code 4)'],
  ])('reports at once what fails while it closes (%i: %s)', async (kind, failure) => {
    const { executor, tasks, run } = threads(2);
    const task = run(0, kind);
    executor.waitFor('its start', () => tasks.state(task) === TASK_RUNNING);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // nobody's patience ends
    await executor.close();
    expect(executor.failures).toEqual([{ cpu: 0, error: new Error(failure) }]);
  });
});
