/**
 * The cost set `this-machine`: what the engine takes on the machine that it runs on, measured in about two seconds. Best when
 * nothing else runs.
 */
import { Worker } from 'node:worker_threads';
import type { CostSet } from './cost-set.ts';

export interface MeasureOptions {
  /** Frames of a round. Default 1.5 million. */
  readonly frames?: number;
  /** Rounds, of which the median counts. Default 5. */
  readonly rounds?: number;
}

/** Measures on a thread of its own, with another for wake-ups; the machine should have nothing else to do. */
export async function measureCosts(options: MeasureOptions = {}): Promise<CostSet> {
  const worker = new Worker(new URL('./measure-worker.js', import.meta.url), { workerData: options });
  try {
    return await new Promise<CostSet>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}
