/** Adds 1 to a plain word, `count` times, under a lock; the word is right at the end only if nobody else was inside. */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMemory, spinLock, spinUnlock } from '@cpumap/smp';
import { startTogether } from './start-together.js';

const { wasm, gate, workers, lock, inside, counter, count } = workerData;
const words = attachMemory(wasm).i32;
let company = 0;

startTogether(words, gate, workers);
for (let i = 0; i < count; i++) {
  spinLock(words, lock >> 2);
  if (Atomics.add(words, inside >> 2, 1) !== 0) company++;
  const before = words[counter >> 2];
  words[counter >> 2] = before + 1;
  Atomics.sub(words, inside >> 2, 1);
  spinUnlock(words, lock >> 2);
}
parentPort.postMessage({ company });
