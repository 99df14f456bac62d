/** A CPU of the threads executor: tasks that take pointers from a ring, and commands that try the host's patience. */
import { parentPort, workerData } from 'node:worker_threads';
import {
  attachMachine,
  attachMemory,
  attachPtrRings,
  attachTasks,
  createCpuLoop,
  GONE,
  runCpuThread,
} from '@cpumap/smp';
import { KernelError } from '@cpumap/uapi';

const { wasm, at, cpu, idleTurns } = workerData;
const memory = attachMemory(wasm);
const machine = attachMachine(memory, at);
const tasks = attachTasks(machine);
const rings = attachPtrRings(memory);
const words = memory.u32;
const NEVER = Number.POSITIVE_INFINITY;

/** Adds up the pointers of a ring, eight at a time; sleeps when there are none, as a kthread does. */
function adder(task, data) {
  const [ring, bulk] = [words[data >> 2], words[(data >> 2) + 1]];
  const sum = (data >> 2) + 2;
  let asleep = false;
  return {
    poll() {
      if (asleep) {
        if (!tasks.consumeWake(task)) return 0;
        asleep = false;
      }
      const n = rings.consumeBatched(ring, bulk, 8);
      for (let i = 0; i < n; i++) Atomics.add(words, sum, words[(bulk >> 2) + i]);
      if (n > 0) return n;
      if (tasks.shouldStop(task)) return GONE;
      tasks.announceSleep(task);
      asleep = (rings.isEmpty(ring) && !tasks.shouldStop(task)) || !tasks.cancelSleep(task);
      return 0;
    },
    dueIn: () => NEVER,
    close: () => Atomics.store(words, sum + 1, 1),
  };
}

const thrower = () => ({
  poll() {
    throw new Error('a task failed');
  },
  dueIn: () => NEVER,
  close() {},
});

const badCloser = () => ({
  poll: () => 0,
  dueIn: () => NEVER,
  close() {
    throw new Error('a task failed to close');
  },
});

const exitingCloser = () => ({ poll: () => 0, dueIn: () => NEVER, close: () => process.exit(4) });

async function handle({ op, value }) {
  if (op === 'echo') return { cpu, value };
  if (op === 'import') return Object.keys(await import(value)).length > 0;
  if (op === 'say') return parentPort.postMessage({ topic: 'report', text: value });
  if (op === 'throw') throw new TypeError(value);
  if (op === 'kernel error') throw new KernelError('ENOSPC', 'call', { hint: value });
  if (op === 'throw text') throw value;
  if (op === 'exit') process.exit(value);
  for (;;); // 'spin'
}

await runCpuThread({
  machine,
  cpu,
  port: parentPort,
  runtime: { loop: createCpuLoop(machine, tasks, cpu, [adder, thrower, badCloser, exitingCloser]), handle },
  idleTurns,
});
