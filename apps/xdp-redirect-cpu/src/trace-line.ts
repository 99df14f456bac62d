/** A trace event as one line of trace_pipe: task, CPU, time, event. */
import { kthreadName } from '@cpumap/cpumap';
import type { TraceRecord } from '@cpumap/tracepoints';

const COMM_SHOWN = 15;

/** kthread events come from their kthread, all others from the softirq that polls the device. */
function taskOf({ event, cpu, fields }: TraceRecord): string {
  const name = event === 'xdp_cpumap_kthread' ? kthreadName(fields.cpu!, fields.map_id!) : `ksoftirqd/${cpu}`;
  return `${name.slice(0, COMM_SHOWN)}-${fields.common_pid}`;
}

export function traceLine(record: TraceRecord, text: string): string {
  const seconds = (record.timestampNs / 1e9).toFixed(6);
  return `${taskOf(record).padStart(24)} [${String(record.cpu).padStart(3, '0')}] ..s.. ${seconds.padStart(13)}: ${text}`;
}
