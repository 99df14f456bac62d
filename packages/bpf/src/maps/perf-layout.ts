/**
 * A perf ring buffer of software events (PERF_COUNT_SW_BPF_OUTPUT) in the shared memory: one CPU writes, the host thread
 * reads. Records have the kernel's layout; as in a ring buffer's data, room follows the ring for a record that runs over
 * its end. Positions count bytes modulo 2^32.
 */

import { CACHELINE } from '@cpumap/smp';
import { layout } from '@cpumap/uapi';

export const PERF_BUFFER = layout({
  /** The only CPU that may write. */
  cpu: 'u32',
  data: 'u32',
  mask: 'u32',
  data_head: 'u32',
  /** Samples that found no room since the last record. */
  lost: 'u32',
});
export const PERF_DATA_TAIL = CACHELINE;
export const PERF_BUFFER_BYTES = 2 * CACHELINE;

export const PERF_RECORD_LOST = 2;
export const PERF_RECORD_SAMPLE = 9;

/** struct perf_event_header and what follows it: a size and raw data, or two 64-bit numbers. */
export const PERF_RECORD = layout({ type: 'u32', misc: 'u16', size: 'u16', raw_size: 'u32' });
export const PERF_RAW_OFF = 12;
/** header, id, lost. */
export const PERF_LOST_BYTES = 24;
export const PERF_LOST_COUNT_OFF = 16;
