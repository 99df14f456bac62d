/** Trace lines, as the kernel prints them. */
import type { Host } from '@cpumap/host';
import type { EventName } from '@cpumap/tracepoints';

/** Runs `act` and returns the lines of the events that fired meanwhile. */
export async function linesOf(
  host: Host,
  act: () => void | Promise<void>,
  events?: readonly EventName[],
): Promise<string[]> {
  const subscription = host.trace.subscribe(events);
  try {
    await act();
    const { records, lost } = subscription.read();
    if (lost > 0) throw new Error(`${lost} trace records were lost: give the host more traceRecords`);
    return records.map((record) => host.trace.format(record));
  } finally {
    subscription.close();
  }
}

export const CPUMAP_EVENTS: readonly EventName[] = ['xdp_cpumap_enqueue', 'xdp_cpumap_kthread'];

export interface Enqueue {
  readonly map: number;
  readonly to: number;
  readonly processed: number;
  readonly drops?: number;
  /** Where it ran, default 0. */
  readonly cpu?: number;
}

export function enqueueLine({ map, to, processed, drops = 0, cpu = 0 }: Enqueue): string {
  return `xdp_cpumap_enqueue: enqueue cpu=${cpu} map_id=${map} action=REDIRECT processed=${processed} drops=${drops} to_cpu=${to}`;
}

export interface Kthread {
  readonly map: number;
  readonly cpu: number;
  readonly processed: number;
  readonly sched: number;
  readonly drops?: number;
  /** Counts of the second program: pass, drop, redirect. */
  readonly xdp?: readonly [number, number, number];
}

/** 4.15 prints no counts of a second program. */
export function kthreadLine(
  release: string,
  { map, cpu, processed, sched, drops = 0, xdp = [0, 0, 0] }: Kthread,
): string {
  const line = `xdp_cpumap_kthread: kthread cpu=${cpu} map_id=${map} action=REDIRECT processed=${processed} drops=${drops} sched=${sched}`;
  return release === '4.15' ? line : `${line} xdp_pass=${xdp[0]} xdp_drop=${xdp[1]} xdp_redirect=${xdp[2]}`;
}
