/** A reader beside writers that never wait for it: what it gets is whole, and what it does not get is counted. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { TraceRecord } from '../src/trace-reader.ts';
import { tracing } from './support/tracing.ts';

/** The number of the record, if all its fields belong together. */
function numberOf({ timestampNs, fields }: TraceRecord): number {
  const n = fields.prog_id!;
  const whole =
    timestampNs === n &&
    fields.act === 4 &&
    fields.ifindex === (n ^ 0x5a5a5a5a) &&
    fields.to_ifindex === ~n &&
    fields.err === 0 &&
    fields.map_id === Math.imul(n, 0x9e3779b1) >>> 0 &&
    fields.map_index === -n;
  return whole ? n : Number.NaN;
}

it.each([
  { writers: 1, records: 2, count: 200_000, pause: 300 },
  { writers: 1, records: 4, count: 200_000, pause: 200 },
  { writers: 1, records: 256, count: 2_000_000, pause: 0 },
  { writers: 2, records: 64, count: 1_000_000, pause: 0 },
])('$writers × $count records through rings of $records', async ({ writers, records, count, pause }) => {
  const { memory, allocator, at, control } = tracing({ nrCpus: writers, records });
  const [go, done] = [allocator.alloc(64), allocator.alloc(64)];
  const subscription = control.subscribe(['xdp_redirect']);
  const script = new URL('./workers/trace-writer.js', import.meta.url);
  const workers = Array.from({ length: writers }, (_, cpu) => {
    return new Worker(script, { workerData: { wasm: memory.wasm, at, cpu, count, pause, go, done } });
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  Atomics.store(memory.i32, go >> 2, 1);
  Atomics.notify(memory.i32, go >> 2);

  const last = new Array<number>(writers).fill(0);
  let whole = 0;
  let wrong = 0;
  let lost = 0;
  for (let finished = false; !finished; ) {
    finished = Atomics.load(memory.i32, done >> 2) === writers; // before the last look, not after
    const batch = subscription.read();
    lost += batch.lost;
    for (const record of batch.records) {
      const n = numberOf(record);
      if (n > last[record.cpu]!) whole++;
      else wrong++;
      last[record.cpu] = n;
    }
  }
  await Promise.all(workers.map((worker) => worker.terminate()));

  expect(wrong).toBe(0);
  expect(whole + lost).toBe(writers * count);
  expect(last).toEqual(new Array(writers).fill(count));
  expect(lost).toBeGreaterThan(0);
});
