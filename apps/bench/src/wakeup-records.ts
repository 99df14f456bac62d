/** How long waking took, from trace records of engine or kernel. */
import type { TraceRecord } from '@cpumap/tracepoints';

/**
 * Nanoseconds from each flush (xdp_cpumap_enqueue) of a single frame to the kthread's event that took it, when it had slept
 * for it: the frame was seen in between, and the second program had run. Frames that came together, or found the kthread
 * awake, are left out.
 *
 * @throws Error when not all of `count` frames were seen, or none of them woke anybody
 */
export function wakeupsOf(records: readonly TraceRecord[], count: number): number[] {
  const times: number[] = [];
  let flushed: number | undefined;
  let seen = 0;
  for (const { event, timestampNs, fields } of records) {
    if (event === 'xdp_cpumap_enqueue') flushed = fields.processed === 1 ? timestampNs : undefined;
    else if (fields.processed! > 0) {
      seen += fields.processed!;
      if (fields.sched === 1 && flushed !== undefined) times.push(timestampNs - flushed);
      flushed = undefined;
    }
  }
  if (seen !== count) throw new Error(`${seen} of ${count} frames were seen by the kthread`);
  if (times.length === 0) throw new Error(`none of ${count} frames woke the kthread`);
  return times;
}
