import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCpuLoop } from '../src/cpu-loop.ts';
import type { CpuRuntime } from '../src/executor.ts';
import { createVirtualExecutor, createVirtualTime } from '../src/executor-virtual.ts';
import { createPrng } from '../src/prng.ts';
import { synchronizeRcu } from '../src/rcu.ts';
import { createTask, GONE, TASK_EXITED, TASK_RUNNING, type TaskContext } from '../src/task.ts';
import { idleMachine } from './support/machine.ts';

const NEVER = Number.POSITIVE_INFINITY;
const [TURN, FRAME, WAKE] = [200, 85, 2000]; // of PLAIN_COSTS

/** CPUs that run tasks made of plain functions; `turns` is who ran when. */
function virtualMachine(nrCpus: number, seed: number) {
  const time = createVirtualTime(nrCpus);
  const { memory, allocator, machine, tasks } = idleMachine(nrCpus, time.onKick);
  const turns: [cpu: number, now: number][] = [];
  const contexts: Partial<TaskContext>[] = [];
  const kind = (_: number, data: number): TaskContext => ({
    poll: () => 0,
    dueIn: () => NEVER,
    close: () => undefined,
    ...contexts[data],
  });
  const runtimes = Array.from({ length: nrCpus }, (_, cpu): CpuRuntime => {
    const loop = createCpuLoop(machine, tasks, cpu, [kind]);
    const turn = (): number => {
      turns.push([cpu, time.clock.now()]);
      return loop.turn();
    };
    return {
      loop: { ...loop, turn },
      handle: (command) => (command === 'fail' ? Promise.reject(new Error('no')) : Promise.resolve([cpu, command])),
    };
  });
  const executor = createVirtualExecutor(machine, time, runtimes, seed);
  return {
    machine,
    tasks,
    turns,
    executor,
    now: () => time.clock.now(),
    run(cpu: number, context: Partial<TaskContext>) {
      const task = createTask(memory, allocator, 0, contexts.push(context) - 1, cpu);
      tasks.post(task);
      return task;
    },
  };
}

/** CPUs with random bursts of work, random pauses, and kicks for each other. */
function busyMachine(nrCpus: number, seed: number) {
  const system = virtualMachine(nrCpus, seed);
  for (let cpu = 0; cpu < nrCpus; cpu++) {
    const random = createPrng(cpu);
    system.run(cpu, {
      poll() {
        if (random.below(4) === 0) system.machine.kick(random.below(nrCpus));
        return random.below(2) * random.below(64);
      },
      dueIn: () => 100 + random.below(20_000),
    });
  }
  return system;
}

describe('the order of turns', () => {
  it('is the same for the same seed, byte for byte, and another for another', async () => {
    const trace = async (nrCpus: number, seed: number) => {
      const { executor, turns } = busyMachine(nrCpus, seed);
      await executor.advance(300_000);
      return JSON.stringify(turns);
    };
    const seed = fc.nat(0xffffffff);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 5 }), seed, seed, async (nrCpus, one, two) => {
        const first = await trace(nrCpus, one);
        expect(await trace(nrCpus, one)).toBe(first);
        expect((await trace(nrCpus, two)) === first).toBe(one === two);
      }),
      { numRuns: 40 },
    );
  });

  it('does not depend on how time is cut in pieces', async () => {
    const pieces = fc.array(fc.nat(30_000), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), pieces, async (seed, cuts) => {
        const whole = busyMachine(3, seed);
        const cut = busyMachine(3, seed);
        await whole.executor.advance(cuts.reduce((sum, ns) => sum + ns));
        for (const ns of cuts) await cut.executor.advance(ns);
        expect(cut.turns).toEqual(whole.turns);
        expect(cut.now()).toBe(whole.now());
      }),
      { numRuns: 40 },
    );
  });

  it('is the order of time: the clock never goes back, and each CPU gets its share', async () => {
    const { executor, turns } = busyMachine(4, 1);
    await executor.advance(1_000_000);
    expect(turns.map(([, now]) => now)).toEqual(turns.map(([, now]) => now).sort((a, b) => a - b));
    for (const cpu of [0, 1, 2, 3]) expect(turns.filter(([who]) => who === cpu).length).toBeGreaterThan(50);
  });
});

describe('time', () => {
  it.each([0, 1, 8, 64])('of a turn with %i frames is its cost, and up to an eighth more', async (frames) => {
    const { executor, run, turns } = virtualMachine(1, 3);
    run(0, { poll: () => frames, dueIn: () => 0 });
    await executor.advance(200_000);
    const lengths = turns.slice(1).map(([, now], i) => now - turns[i]![1]);
    const cost = TURN + frames * FRAME;
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(cost);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(cost + (cost >> 3));
    expect(new Set(lengths).size).toBeGreaterThan(5);
  });

  it('stops at the limit exactly; a turn that would start there belongs to the next call', async () => {
    const { executor, run, turns, now } = virtualMachine(2, 5);
    for (const cpu of [0, 1]) run(cpu, { dueIn: () => 0 });
    for (let calls = 1; calls <= 50; calls++) {
      await executor.advance(1000);
      expect(now()).toBe(calls * 1000);
      expect(turns.every(([, at]) => at < calls * 1000)).toBe(true);
    }
  });

  it('ends when nothing is left to do', async () => {
    const { executor, turns, now } = virtualMachine(3, 1);
    await executor.advance(NEVER);
    expect(turns.map(([cpu]) => cpu).sort()).toEqual([0, 1, 2]);
    expect(now()).toBeLessThan(TURN);
    await executor.advance(NEVER);
    expect(turns.length).toBe(3);
  });

  it('goes on until a condition holds, which it asks every 64 turns, and not at all when it holds already', async () => {
    const { executor, run, turns, now } = virtualMachine(1, 1);
    run(0, { dueIn: () => 0 });
    await executor.advance(NEVER, () => turns.length >= 1000);
    expect(turns.length).toBeGreaterThanOrEqual(1000);
    expect(turns.length).toBeLessThan(1064);
    const [stopped, at] = [turns.length, now()];
    await executor.advance(NEVER, () => true);
    expect([turns.length, now()]).toEqual([stopped, at]);
  });

  it('of an idle CPU jumps to when its work is due', async () => {
    const { executor, run, turns } = virtualMachine(1, 1);
    run(0, { dueIn: () => 1_000_000 });
    await executor.advance(10_000_000);
    expect(turns.length).toBe(10);
  });

  it('lets the event loop of the process run', async () => {
    const { executor, run } = virtualMachine(1, 1);
    run(0, { poll: () => 1 });
    let heard = false;
    setTimeout(() => {
      heard = true;
    }, 1);
    await executor.advance(NEVER, () => heard);
    expect(heard).toBe(true);
  });
});

describe('a kick', () => {
  it('brings an idle CPU back after the time of a wake-up, and no other', async () => {
    const { executor, machine, turns, now } = virtualMachine(3, 1);
    await executor.advance(50_000);
    turns.length = 0;
    machine.kick(1);
    await executor.advance(NEVER);
    expect(turns).toEqual([[1, 50_000 + WAKE]]);
    expect(now()).toBe(50_000 + WAKE);
  });

  it('does not delay a CPU that has work sooner', async () => {
    const { executor, machine, run, turns } = virtualMachine(1, 1);
    run(0, { dueIn: () => WAKE / 2 });
    await executor.advance(TURN);
    machine.kick(0);
    await executor.advance(WAKE);
    expect(turns.length).toBe(2);
    expect(turns[1]![1] - turns[0]![1]).toBeLessThan(WAKE);
  });

  it('during its own turn gives a CPU another turn', async () => {
    const { executor, machine, run, turns } = virtualMachine(1, 1);
    run(0, {
      poll() {
        if (turns.length === 1) machine.kick(0);
        return 0;
      },
    });
    await executor.advance(NEVER);
    expect(turns.length).toBe(2);
    expect(turns[1]![1] - turns[0]![1]).toBe(WAKE);
  });
});

describe('the host', () => {
  it('waits by running the CPUs, and not at all for what is true already', () => {
    const { executor, run, tasks, turns } = virtualMachine(2, 1);
    executor.waitFor('nothing', () => true);
    expect(turns.length).toBe(0);
    let left = 20;
    const task = run(1, { poll: () => (--left > 0 ? 1 : GONE) });
    executor.waitFor('its end', () => tasks.state(task) === TASK_EXITED);
    expect(left).toBe(0);
  });

  it('sees a new task started without a turn', () => {
    const { executor, run, tasks, turns } = virtualMachine(2, 1);
    const task = run(1, {});
    executor.waitFor('its start', () => tasks.state(task) === TASK_RUNNING);
    expect(turns.length).toBe(0);
  });

  it('is told ETIMEDOUT for what nothing can bring about', () => {
    const { executor } = virtualMachine(2, 1);
    expect(() => executor.waitFor('a miracle', () => false)).toThrow(
      expect.objectContaining({ code: 'ETIMEDOUT', syscall: 'a miracle' }),
    );
  });

  it('never waits for a grace period: it acts between turns', async () => {
    const { executor, machine, run } = virtualMachine(2, 1);
    run(0, { poll: () => 1 });
    await executor.advance(10_000);
    synchronizeRcu({ ...machine, waitHost: () => expect.fail('waited') });
  });

  it('commands a CPU and gets its answer or its error', async () => {
    const { executor } = virtualMachine(2, 1);
    expect(await executor.command(1, 'hello')).toEqual([1, 'hello']);
    await expect(executor.command(0, 'fail')).rejects.toThrow('no');
    expect(executor).toMatchObject({ kind: 'virtual', failures: [] });
  });

  it('closes: contexts end, no turn comes after', async () => {
    const { executor, run, tasks, turns } = virtualMachine(1, 1);
    let closed = 0;
    const task = run(0, { poll: () => 1, close: () => void closed++ });
    await executor.advance(5000);
    const before = turns.length;
    await executor.close();
    await executor.close();
    await executor.advance(5000);
    expect([closed, turns.length, tasks.state(task)]).toEqual([1, before, TASK_EXITED]);
  });
});
