import { runWorkers } from '@cpumap/vitest-config/workers';
import { describe, expect, it } from 'vitest';
import { attachMachine } from '../src/machine.ts';
import { TASK } from '../src/task.ts';
import { idleMachine } from './support/machine.ts';

describe('a machine', () => {
  it('keeps its CPUs apart', () => {
    const { machine } = idleMachine(3);
    machine.kick(1);
    machine.kick(1);
    machine.quiet(2);
    machine.setAsleep(0, true);
    machine.addCommand(2);
    const state = (cpu: number) => [
      machine.kicks(cpu),
      machine.quietPoints(cpu),
      machine.isAsleep(cpu),
      machine.hasCommands(cpu),
      machine.hasInbox(cpu),
    ];
    expect([0, 1, 2].map(state)).toEqual([
      [0, 0, true, false, false],
      [2, 0, false, false, false],
      [1, 1, false, true, false],
    ]);
  });

  it('is the same wherever it is attached', () => {
    const { machine, memory, at } = idleMachine(2);
    machine.kick(1);
    machine.quiet(0);
    const other = idleMachine(1).machine;
    expect(other.kicks(0)).toBe(0);
    const again = attachMachine(memory, at);
    expect([again.kicks(1), again.quietPoints(0), again.nrCpus]).toEqual([1, 1, 2]);
  });

  it('kicks for each command and each post; commands count up and down', () => {
    const { machine, allocator } = idleMachine(1);
    machine.addCommand(0);
    machine.addCommand(0);
    machine.commandTaken(0);
    expect(machine.hasCommands(0)).toBe(true);
    machine.commandTaken(0);
    expect(machine.hasCommands(0)).toBe(false);
    machine.post(0, allocator.alloc(64), TASK.next);
    expect(machine.kicks(0)).toBe(3);
  });

  it('has inboxes that give the newest task first, all at once', () => {
    const { machine, memory, allocator } = idleMachine(2);
    const posted = [1, 2, 3].map(() => allocator.alloc(64));
    for (const task of posted) machine.post(1, task, TASK.next);
    expect([machine.hasInbox(0), machine.hasInbox(1)]).toEqual([false, true]);
    const taken: number[] = [];
    for (let task = machine.takeInbox(1); task !== 0; task = memory.u32[(task + TASK.next) >> 2]!) taken.push(task);
    expect(taken).toEqual(posted.reverse());
    expect(machine.takeInbox(1)).toBe(0);
  });

  it('tells a hook who was kicked', () => {
    const kicked: number[] = [];
    const { machine } = idleMachine(3, (cpu) => kicked.push(cpu));
    machine.kick(2);
    machine.addCommand(0);
    expect(kicked).toEqual([2, 0]);
  });

  it('does not sleep when kicked since the last look', () => {
    const { machine } = idleMachine(1);
    const seen = machine.kicks(0);
    machine.kick(0);
    const start = performance.now();
    machine.sleep(0, seen, 10_000);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(machine.isAsleep(0)).toBe(false);
  });

  it('sleeps no longer than it is told, and is awake after', () => {
    const { machine } = idleMachine(1);
    const start = performance.now();
    machine.sleep(0, machine.kicks(0), 5);
    expect(performance.now() - start).toBeGreaterThanOrEqual(4.5);
    expect(machine.isAsleep(0)).toBe(false);
    machine.waitHost(1);
  });
});

describe('between threads', () => {
  it('no wake-up is lost in 100,000', async () => {
    const { memory, allocator, at } = idleMachine(2);
    const shared = { wasm: memory.wasm, at, gate: allocator.alloc(64), turn: allocator.alloc(64), rounds: 100_000 };
    const results = await runWorkers<{ sleeps: number; lost: number }>(
      new URL('./workers/ping-pong.js', import.meta.url),
      [
        { ...shared, cpu: 0 },
        { ...shared, cpu: 1 },
      ],
    );
    expect(results.map(({ lost }) => lost)).toEqual([0, 0]);
    expect(memory.i32[shared.turn >> 2]).toBe(100_000);
    for (const { sleeps } of results) expect(sleeps).toBeGreaterThan(1000);
  });

  it('every task posted to one inbox arrives once, in the order of its poster', async () => {
    const count = 5000;
    const posters = 3;
    const { memory, allocator, at } = idleMachine(1);
    const shared = { wasm: memory.wasm, at, gate: allocator.alloc(64), workers: posters + 1, count };
    const lists = Array.from({ length: posters }, (_, poster) => {
      const tasks = allocator.alloc(count * TASK.sizeof);
      for (let i = 0; i < count; i++) memory.u32[(tasks + i * TASK.sizeof + TASK.data) >> 2] = (poster << 24) | (i + 1);
      return { ...shared, role: 'post', tasks };
    });
    const [taken] = await runWorkers(new URL('./workers/inbox.js', import.meta.url), [
      { ...shared, role: 'take' },
      ...lists,
    ]);
    expect(taken).toEqual({ seen: new Array(posters).fill(count), wrong: 0 });
  });
});
