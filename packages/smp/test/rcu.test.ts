import { runWorkers } from '@cpumap/vitest-config/workers';
import { describe, expect, it, vi } from 'vitest';
import type { Machine } from '../src/machine.ts';
import { synchronizeRcu } from '../src/rcu.ts';
import { idleMachine } from './support/machine.ts';

/** CPUs that move only while the host waits: one entry of `script` each time. Returns how often it waited. */
function synchronizeWhile(machine: Machine, script: (() => void)[]): number {
  let waits = 0;
  synchronizeRcu({
    ...machine,
    waitHost() {
      const step = script[waits++];
      if (step === undefined) throw new Error('waited for something that never comes');
      step();
    },
  });
  return waits;
}

const nothing = (): void => {};

describe('synchronizeRcu', () => {
  it('waits for a running CPU until its next quiet point', () => {
    const { machine } = idleMachine(1);
    machine.quiet(0); // quiet points of before do not count
    expect(synchronizeWhile(machine, [nothing, nothing, () => machine.quiet(0)])).toBe(3);
  });

  it('does not wait for sleeping CPUs', () => {
    const { machine } = idleMachine(3);
    for (const cpu of [0, 1, 2]) machine.setAsleep(cpu, true);
    expect(synchronizeWhile(machine, [])).toBe(0);
  });

  it('is done with a CPU that falls asleep', () => {
    const { machine } = idleMachine(1);
    expect(synchronizeWhile(machine, [nothing, () => machine.setAsleep(0, true)])).toBe(2);
  });

  it('waits for every CPU: a quiet point of one is none of another', () => {
    const { machine } = idleMachine(3);
    machine.setAsleep(1, true);
    const script = [() => machine.quiet(2), () => machine.quiet(1), () => machine.quiet(0), () => machine.quiet(2)];
    // CPU 2 was quiet before its turn came to be asked: that point was passed after the beginning, but is not relied on
    expect(synchronizeWhile(machine, script)).toBe(4);
  });

  it('gives up after 10 s and names the CPU that does not end its poll', () => {
    const { machine } = idleMachine(2);
    machine.setAsleep(0, true);
    let ms = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => ms);
    const stuck: Machine = {
      ...machine,
      waitHost() {
        ms += 1;
      },
    };
    expect(() => synchronizeRcu(stuck)).toThrow(
      expect.objectContaining({
        code: 'ETIMEDOUT',
        hint: expect.stringContaining('CPU 1 has not ended its poll for 10 s'),
      }),
    );
    expect(ms).toBe(10_001);
    now.mockRestore();
  });
});

it('nobody sees a block after the grace period that began when it was unpublished', async () => {
  const { memory, allocator, at, machine } = idleMachine(2);
  const [slot, stop] = [allocator.alloc(64), allocator.alloc(64)];
  const words = memory.i32;
  const ALIVE = 0x11111111;
  const blocks = [allocator.alloc(64), allocator.alloc(64)];
  for (const block of blocks) words[block >> 2] = ALIVE;
  words[slot >> 2] = blocks[0]!;
  for (const cpu of [0, 1]) machine.setAsleep(cpu, true);

  const data = [0, 1].map((cpu) => ({ wasm: memory.wasm, at, cpu, slot, stop, alive: ALIVE }));
  const readers = runWorkers<{ freed: number; turns: number }>(
    new URL('./workers/rcu-reader.js', import.meta.url),
    data,
  );
  await vi.waitUntil(() => machine.quietPoints(0) > 0 && machine.quietPoints(1) > 0, { timeout: 10_000 });
  const busy = (): boolean => [0, 1].some((cpu) => machine.quietPoints(cpu) < 500);
  for (let round = 1; round <= 400 || busy(); round++) {
    const fresh = blocks[round % 2]!;
    Atomics.store(words, fresh >> 2, ALIVE);
    const old = Atomics.exchange(words, slot >> 2, fresh);
    synchronizeRcu(machine);
    Atomics.store(words, old >> 2, 0xdead);
    machine.kick(round % 2);
  }
  Atomics.store(words, stop >> 2, 1);

  for (const { freed, turns } of await readers) {
    expect(freed).toBe(0);
    expect(turns).toBeGreaterThanOrEqual(500);
  }
});
