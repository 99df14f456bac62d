/**
 * One side of a ring that several threads use. Producers put the numbers id << 24 | 1, id << 24 | 2, … in bulks of random
 * sizes; the consumer checks that each producer's numbers come complete and in order.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMemory, attachPtrRings, createPrng } from '@cpumap/smp';
import { startTogether } from './start-together.js';

const { wasm, gate, workers, ring, bulk, role, id, count, producers, seed } = workerData;
const memory = attachMemory(wasm);
const words = memory.i32;
const rings = attachPtrRings(memory);
const random = createPrng(seed);
const MAX_BULK = 64;
const PATIENCE = 500;

let idle = 0;
/** Without a processor of its own the other side needs this one's. */
function nothingToDo() {
  if (++idle > PATIENCE) Atomics.wait(words, gate >> 2, workers, 0.05);
}

function produce() {
  let next = 1;
  while (next <= count) {
    const n = Math.min(1 + random.below(MAX_BULK), count - next + 1);
    for (let i = 0; i < n; i++) words[(bulk >> 2) + i] = (id << 24) | (next + i);
    rings.lock(ring);
    const taken = rings.produceBulk(ring, bulk, n);
    rings.unlock(ring);
    next += taken;
    if (taken > 0) idle = 0;
    else nothingToDo();
  }
  return { produced: count };
}

function consume() {
  const seen = new Array(producers).fill(0);
  let wrong = 0;
  for (let left = count * producers; left > 0; ) {
    const n = rings.consumeBatched(ring, bulk, 1 + random.below(MAX_BULK));
    for (let i = 0; i < n; i++) {
      const pointer = words[(bulk >> 2) + i];
      const from = pointer >>> 24;
      if ((pointer & 0xffffff) !== ++seen[from]) wrong++;
    }
    left -= n;
    if (n > 0) idle = 0;
    else nothingToDo();
  }
  return { seen, wrong, empty: rings.isEmpty(ring) };
}

startTogether(words, gate, workers);
parentPort.postMessage(role === 'produce' ? produce() : consume());
