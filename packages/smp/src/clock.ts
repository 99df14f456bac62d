/** Time as the CPUs see it: nanoseconds since the machine was built, as a float64 (exact for 104 days). */
export interface Clock {
  now(): number;
}

/**
 * The wall clock, the same in every thread: performance.now() counts from the start of each thread, hrtime does not,
 * so one reading of both gives the difference. performance.now() alone is read afterwards, as it allocates nothing.
 */
export function createWallClock(startNs: bigint): Clock {
  const offset = Number(process.hrtime.bigint() - startNs) - performance.now() * 1e6;
  return { now: () => performance.now() * 1e6 + offset };
}
