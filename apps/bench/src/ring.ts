/** ring: pointers from one thread to another in bulks of 8: our ptr_ring beside ringbuf.js, in turn. */
import { Worker } from 'node:worker_threads';
import { attachPtrRings, createAllocator, createMemory, ptrRingBytes } from '@cpumap/smp';
import { RingBuffer } from 'ringbuf.js';
import type { RingJob } from './ring-worker.ts';
import { spreadOf } from './stats.ts';
import type { Suite } from './suite.ts';

const SIZE = 2048;

function ours(): RingJob['ring'][] {
  const memory = createMemory(1 << 20);
  const allocator = createAllocator(memory);
  const at = allocator.alloc(ptrRingBytes(SIZE));
  attachPtrRings(memory).init(at, SIZE);
  return [0, 1].map(() => ({ kind: 'ptr_ring', memory: memory.wasm, at, bulk: allocator.alloc(64) }));
}

function theirs(): RingJob['ring'][] {
  const buffer = RingBuffer.getStorageForCapacity(SIZE, Uint32Array);
  return [0, 1].map(() => ({ kind: 'ringbuf.js', buffer }));
}

/** M pointers per second; the slower end counts. */
async function rate([first, second]: RingJob['ring'][], pointers: number): Promise<number> {
  const start = new SharedArrayBuffer(4);
  const run = (end: RingJob['end'], ring: RingJob['ring']): Promise<number> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./ring-worker.js', import.meta.url), {
        workerData: { end, ring, pointers, start } satisfies RingJob,
      });
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  const times = await Promise.all([run('producer', first!), run('consumer', second!)]);
  return pointers / Math.max(...times) / 1e3;
}

export const ring: Suite = {
  name: 'ring',
  what: 'pointers from thread to thread in bulks of 8: ptr_ring and ringbuf.js',
  async run({ smoke, frames = smoke ? 80_000 : 40_000_000, rounds = smoke ? 2 : 9 }) {
    const pointers = Math.ceil(frames / 8) * 8;
    const mine: number[] = [];
    const peers: number[] = [];
    for (let i = 0; i < rounds; i++) {
      mine.push(await rate(ours(), pointers));
      peers.push(await rate(theirs(), pointers));
    }
    return {
      figures: [
        { name: 'ptr_ring', unit: 'M pointers/s', ...spreadOf(mine) },
        { name: '  ringbuf.js', unit: 'M pointers/s', ...spreadOf(peers) },
        { name: '  ratio', unit: 'ptr_ring / ringbuf.js', ...spreadOf(mine.map((own, i) => own / peers[i]!)) },
      ],
    };
  },
};
