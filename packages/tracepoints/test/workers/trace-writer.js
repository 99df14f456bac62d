/**
 * Fires redirect events, with random pauses of up to `pause` looks at a word between them. The fields of each follow from
 * its number, so that a torn record shows.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMemory, createPrng } from '@cpumap/smp';
import { attachTracepoints } from '@cpumap/tracepoints';
import { featuresOf } from '@cpumap/uapi';

const { wasm, at, cpu, count, pause, go, done } = workerData;
const memory = attachMemory(wasm);
const random = createPrng(cpu);
let n = 0;
const tracepoints = attachTracepoints(memory, at, cpu, featuresOf('6.18'), { now: () => n });

parentPort.postMessage('ready');
Atomics.wait(memory.i32, go >> 2, 0);
for (n = 1; n <= count; n++) {
  tracepoints.redirect(n, n ^ 0x5a5a5a5a, ~n, 0, Math.imul(n, 0x9e3779b1), -n, true, 0);
  for (let i = random.below(pause + 1); i > 0; i--) Atomics.load(memory.i32, go >> 2);
}
Atomics.add(memory.i32, done >> 2, 1);
