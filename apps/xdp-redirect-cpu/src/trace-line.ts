/** A trace event as one line of trace_pipe: task, CPU, time, event. */
import { kthreadName } from '@cpumap/cpumap';
import type { TraceRecord } from '@cpumap/tracepoints';

const COMM_SHOWN = 15;

/** kthread events come from their kthread, all others from the softirq that polls the device. */
function taskOf({ event, cpu, fields }: TraceRecord): string {
  const name = event === 'xdp_cpumap_kthread' ? kthreadName(fields.cpu!, fields.map_id!) : `ksoftirqd/${cpu}`;
  return `${name.slice(0, COMM_SHOWN)}-${fields.common_pid}`;
}

function line(task: string, cpu: number, timestampNs: number, text: string): string {
  const seconds = (timestampNs / 1e9).toFixed(6);
  return `${task.padStart(24)} [${String(cpu).padStart(3, '0')}] ..s.. ${seconds.padStart(13)}: ${text}`;
}

export function traceLine(record: TraceRecord, text: string): string {
  return line(taskOf(record), record.cpu, record.timestampNs, text);
}

/** What a program printed, when it reached the host. */
export function printkLine(text: string, cpu: number, nowNs: number): string {
  return line(`ksoftirqd/${cpu}-0`, cpu, nowNs, `bpf_trace_printk: ${text}`);
}
