/**
 * One of two CPUs that pass a word between them: each sleeps until the other has kicked it. Posts what it saw: how often
 * it had to sleep, and whether a kick came that did not wake it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMachine, attachMemory, createPrng } from '@cpumap/smp';
import { startTogether } from './start-together.js';

const { wasm, at, gate, cpu, turn, rounds } = workerData;
const memory = attachMemory(wasm);
const machine = attachMachine(memory, at);
const words = memory.i32;
const random = createPrng(cpu);
const other = 1 - cpu;
const SLEEP_MS = 3000;
let sleeps = 0;
let lost = 0;

/** Shifts the two CPUs against each other, so that kicks hit every moment of falling asleep. */
function linger() {
  for (let i = random.below(200); i > 0; i--) Atomics.load(words, turn >> 2);
}

startTogether(words, gate, 2);
for (let round = cpu; round < rounds && lost === 0; round += 2) {
  for (;;) {
    const seen = machine.kicks(cpu);
    if (Atomics.load(words, turn >> 2) === round) break;
    linger();
    const start = performance.now();
    machine.sleep(cpu, seen, SLEEP_MS);
    sleeps++;
    if (performance.now() - start > 0.9 * SLEEP_MS && Atomics.load(words, turn >> 2) === round) lost++;
  }
  linger();
  Atomics.store(words, turn >> 2, round + 1);
  machine.kick(other);
}
parentPort.postMessage({ sleeps, lost });
