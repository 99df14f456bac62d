/** Posts tasks to the inbox of CPU 0, or takes them there: every task comes once, each poster's in their order. */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMachine, attachMemory, TASK } from '@cpumap/smp';
import { startTogether } from './start-together.js';

const { wasm, at, gate, workers, role, tasks, count } = workerData;
const memory = attachMemory(wasm);
const machine = attachMachine(memory, at);
const words = memory.u32;
const data = (task) => (task + TASK.data) >> 2;

function take() {
  const seen = new Array(workers - 1).fill(0);
  let wrong = 0;
  let left = count * (workers - 1);
  while (left > 0) {
    const kicks = machine.kicks(0);
    if (!machine.hasInbox(0)) {
      machine.sleep(0, kicks, 1000);
      continue;
    }
    const newestFirst = [];
    for (let task = machine.takeInbox(0); task !== 0; task = words[(task + TASK.next) >> 2]) newestFirst.push(task);
    for (const task of newestFirst.reverse()) {
      const poster = words[data(task)] >>> 24;
      if ((words[data(task)] & 0xffffff) !== ++seen[poster]) wrong++;
      left--;
    }
  }
  return { seen, wrong };
}

startTogether(memory.i32, gate, workers);
if (role === 'take') {
  parentPort.postMessage(take());
} else {
  for (let i = 0; i < count; i++) machine.post(0, tasks + i * TASK.sizeof, TASK.next);
  parentPort.postMessage({ posted: count });
}
