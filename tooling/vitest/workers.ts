import { Worker } from 'node:worker_threads';

const PATIENCE_MS = 20_000;

/**
 * Runs a script in a worker for each element of `data`, all at the same time, and waits for the one message that each of
 * them posts. Whatever hangs is ended, and fails the test.
 */
export async function runWorkers<Result>(script: URL, data: readonly object[]): Promise<Result[]> {
  const workers = data.map((workerData) => new Worker(script, { workerData }));
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${script.pathname}: not all workers came to an end`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([Promise.all(workers.map(resultOf<Result>)), tooLate]);
  } finally {
    clearTimeout(timer);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function resultOf<Result>(worker: Worker): Promise<Result> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('a worker ended without a result')));
  });
}
