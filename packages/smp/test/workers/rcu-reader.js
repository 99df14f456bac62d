/**
 * A CPU that reads through a shared slot for ever: takes the pointer, reads the block behind it many times, passes a
 * quiet point, and now and then sleeps. Counts the reads that found a block after it was freed.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMachine, attachMemory, createPrng } from '@cpumap/smp';

const { wasm, at, cpu, slot, stop, alive } = workerData;
const memory = attachMemory(wasm);
const machine = attachMachine(memory, at);
const words = memory.i32;
const random = createPrng(cpu);
let freed = 0;
let turns = 0;

machine.setAsleep(cpu, false);
while (Atomics.load(words, stop >> 2) === 0) {
  const seen = machine.kicks(cpu);
  const block = Atomics.load(words, slot >> 2);
  for (let i = random.below(2000); i >= 0; i--) if (Atomics.load(words, block >> 2) !== alive) freed++;
  machine.quiet(cpu);
  turns++;
  if (random.below(64) === 0) machine.sleep(cpu, seen, 1);
}
machine.setAsleep(cpu, true);
parentPort.postMessage({ freed, turns });
