/** A thread that has read no clock before: how far its wall clock is from hrtime, in nanoseconds. */
import { parentPort, workerData } from 'node:worker_threads';
import { createWallClock } from '@cpumap/smp';

const READINGS = 1000;
const clock = createWallClock(workerData.startNs);
let tightest = Number.POSITIVE_INFINITY;
let off = 0;
for (let i = 0; i < READINGS; i++) {
  const before = Number(process.hrtime.bigint() - workerData.startNs);
  const now = clock.now();
  const after = Number(process.hrtime.bigint() - workerData.startNs);
  if (after - before >= tightest) continue;
  tightest = after - before;
  off = Math.max(before - now, now - after, 0);
}
parentPort.postMessage(off);
