/** Time as the CPUs see it: nanoseconds since the machine was built, as a float64 (exact for 104 days). */
export interface Clock {
  now(): number;
}

/** Readings of both clocks; a thread's first ones take up to 2 ms, in which its clock would be late for ever. */
const READINGS = 16;

/**
 * The wall clock, the same in every thread: performance.now() counts from the start of each thread, hrtime does not,
 * so a reading of one between two readings of the other gives the difference; the tightest of several counts.
 * performance.now() alone is read afterwards, as it allocates nothing.
 */
export function createWallClock(startNs: bigint): Clock {
  let offset = 0;
  let tightest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < READINGS; i++) {
    const before = process.hrtime.bigint();
    const milliseconds = performance.now();
    const width = Number(process.hrtime.bigint() - before);
    if (width >= tightest) continue;
    tightest = width;
    offset = Number(before - startNs) + width / 2 - milliseconds * 1e6;
  }
  return { now: () => performance.now() * 1e6 + offset };
}
