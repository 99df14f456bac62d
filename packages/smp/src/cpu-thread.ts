/**
 * The threads executor, CPU side: the loop of one worker thread.
 *
 * The loop is a plain synchronous one while there is work: it returns to the thread's event loop only to carry out a
 * command, which may import a module. An idle CPU first polls for a while, as a kernel's idle loop does, because putting
 * a thread to sleep and waking it costs more than a few polls; then it waits in Atomics.wait until it is kicked.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { errorToData } from './error-data.ts';
import type { CpuRuntime } from './executor.ts';
import { CLOSE_COMMAND, type FromWorker } from './executor-threads.ts';
import type { Machine } from './machine.ts';

export interface CpuThread {
  readonly machine: Machine;
  readonly cpu: number;
  readonly port: MessagePort;
  readonly runtime: CpuRuntime;
  /** Idle turns before the thread sleeps; 0 where there are more CPUs than processors. */
  readonly idleTurns: number;
}

/** The longest sleep: a CPU that nobody wakes still looks around now and then. */
const MAX_SLEEP_MS = 100;
/** Work that is due sooner than this is waited for by polling: a sleep takes longer. */
const SHORTEST_SLEEP_MS = 0.06;

/** Runs until the host sends CLOSE_COMMAND. */
export async function runCpuThread({ machine, cpu, port, runtime, idleTurns }: CpuThread): Promise<void> {
  const { loop } = runtime;
  const reply = (message: FromWorker): void => port.postMessage(message);
  process.once('exit', () => {
    machine.setDead(cpu);
    machine.kickHost();
  });

  /** Takes all commands; true when one of them was the last. */
  async function takeCommands(): Promise<boolean> {
    machine.setAsleep(cpu, true); // it holds nothing while it waits for a module
    let last = false;
    while (machine.hasCommands(cpu)) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) break; // counted before it arrived: look again after the next turn
      machine.commandTaken(cpu);
      const { id, command } = received.message as { id: number; command: unknown };
      if (command === CLOSE_COMMAND) {
        loop.close();
        reply({ id, value: undefined });
        last = true;
        continue;
      }
      try {
        reply({ id, value: await runtime.handle(command) });
      } catch (thrown) {
        reply({ id, error: errorToData(thrown) });
      }
    }
    if (!last) machine.setAsleep(cpu, false);
    return last;
  }

  let idle = 0;
  for (;;) {
    if (machine.hasCommands(cpu) && (await takeCommands())) return;
    const seen = machine.kicks(cpu);
    if (loop.turn() > 0) {
      idle = 0;
    } else if (++idle > idleTurns) {
      const ms = Math.min(loop.dueIn() / 1e6, MAX_SLEEP_MS);
      if (ms >= SHORTEST_SLEEP_MS) machine.sleep(cpu, seen, ms);
    }
  }
}
