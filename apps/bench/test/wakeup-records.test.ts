import type { TraceRecord } from '@cpumap/tracepoints';
import { describe, expect, it } from 'vitest';
import { wakeupsOf } from '../src/wakeup-records.ts';

const enqueue = (timestampNs: number, processed = 1): TraceRecord => ({
  event: 'xdp_cpumap_enqueue',
  timestampNs,
  cpu: 0,
  fields: { processed, drops: 0 },
});
const kthread = (timestampNs: number, processed: number, sched: 0 | 1): TraceRecord => ({
  event: 'xdp_cpumap_kthread',
  timestampNs,
  cpu: 1,
  fields: { processed, sched },
});

describe('times of waking', () => {
  it('are from the flush of one frame to the event that took it', () => {
    expect(wakeupsOf([enqueue(100), kthread(130, 1, 1), enqueue(900), kthread(950, 1, 1)], 2)).toEqual([30, 50]);
  });

  it('leave out frames that came together, a kthread that was awake, and its empty turns', () => {
    const together = [enqueue(300, 2), kthread(310, 2, 1)];
    const awake = [enqueue(400), kthread(410, 1, 0)];
    const empty = [enqueue(500), kthread(505, 0, 1), kthread(520, 1, 1)];
    const woken = [enqueue(100), kthread(130, 1, 1), enqueue(600), kthread(640, 1, 1)];
    expect(wakeupsOf([...woken, ...together, ...awake, ...empty], 6)).toEqual([30, 40, 20]);
  });

  it('are none when frames are missing, or none woke anybody', () => {
    expect(() => wakeupsOf([enqueue(100), kthread(130, 1, 1)], 2)).toThrow('1 of 2 frames were seen');
    const awake = [1, 2, 3].flatMap((i) => [enqueue(100 * i), kthread(100 * i + 5, 1, 0)]);
    expect(() => wakeupsOf(awake, 3)).toThrow('none of 3 frames woke the kthread');
  });
});
