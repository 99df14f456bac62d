/** Waits until `workers` threads have come here, so that none has finished before the last one starts. */
export function startTogether(words, gate, workers) {
  const arrived = Atomics.add(words, gate >> 2, 1) + 1;
  Atomics.notify(words, gate >> 2);
  for (let n = arrived; n < workers; n = Atomics.load(words, gate >> 2)) Atomics.wait(words, gate >> 2, n, 100);
}
