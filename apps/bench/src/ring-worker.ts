/**
 * One end of a ring in a worker: a producer that sends the numbers from 1 on, or a consumer that checks that each comes once
 * and in order. Pointers go in bulks of 8, as cpumap's do, through our ptr_ring or through ringbuf.js.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMemory, attachPtrRings } from '@cpumap/smp';
import { RingBuffer } from 'ringbuf.js';

export interface RingJob {
  readonly end: 'producer' | 'consumer';
  readonly pointers: number;
  /** Both workers say that they are there by counting up; then they begin. */
  readonly start: SharedArrayBuffer;
  readonly ring:
    | { readonly kind: 'ptr_ring'; readonly memory: WebAssembly.Memory; readonly at: number; readonly bulk: number }
    | { readonly kind: 'ringbuf.js'; readonly buffer: SharedArrayBuffer };
}

export const RING_BULK = 8;

/** Sends or takes the next bulk; returns how many that were. */
type Step = (sent: number) => number;

function ptrRingStep({ end, ring }: RingJob & { ring: { kind: 'ptr_ring' } }): Step {
  const memory = attachMemory(ring.memory);
  const { u32 } = memory;
  const rings = attachPtrRings(memory);
  const { at, bulk } = ring;
  const words = bulk >> 2;
  if (end === 'consumer') {
    return (seen) => {
      const n = rings.consumeBatched(at, bulk, RING_BULK);
      for (let i = 0; i < n; i++) if (u32[words + i] !== seen + i + 1) wrong(seen + i + 1, u32[words + i]!);
      return n;
    };
  }
  return (sent) => {
    for (let i = 0; i < RING_BULK; i++) u32[words + i] = sent + i + 1;
    rings.lock(at);
    const n = rings.produceBulk(at, bulk, RING_BULK);
    rings.unlock(at);
    return n;
  };
}

function ringbufStep({ end, ring }: RingJob & { ring: { kind: 'ringbuf.js' } }): Step {
  const buffer = new RingBuffer(ring.buffer, Uint32Array);
  const bulk = new Uint32Array(RING_BULK);
  if (end === 'consumer') {
    return (seen) => {
      const n = buffer.pop(bulk);
      for (let i = 0; i < n; i++) if (bulk[i] !== seen + i + 1) wrong(seen + i + 1, bulk[i]!);
      return n;
    };
  }
  return (sent) => {
    for (let i = 0; i < RING_BULK; i++) bulk[i] = sent + i + 1;
    return buffer.push(bulk);
  };
}

function wrong(expected: number, got: number): never {
  throw new Error(`the ring gave ${got} where ${expected} was sent`);
}

function work(job: RingJob): void {
  const { ring, pointers, start } = job;
  const step = ring.kind === 'ptr_ring' ? ptrRingStep({ ...job, ring }) : ringbufStep({ ...job, ring });
  const ready = new Int32Array(start);
  Atomics.add(ready, 0, 1);
  while (Atomics.load(ready, 0) < 2); // both spin from here on, so neither begins late
  const begin = performance.now();
  for (let done = 0; done < pointers; ) done += step(done);
  parentPort!.postMessage(performance.now() - begin);
}

work(workerData as RingJob);
