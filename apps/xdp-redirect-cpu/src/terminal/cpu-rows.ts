/** What each remote CPU did between two snapshots: the rows of the bars, in the order that somebody asks for. */
import { type CountedCpu, type Snapshot, secondsBetween } from '../snapshot.ts';

export interface CpuRow {
  readonly cpu: number;
  /** Whether the program may choose it now. */
  readonly active: boolean;
  /** Frames that its kthread took, per second. */
  readonly rate: number;
  /** Frames that its ring had no room for, per second. */
  readonly drops: number;
  /** Frames in its ring; undefined where nobody tells (the kernel). */
  readonly waiting: number | undefined;
  /** What its ring holds. */
  readonly qsize: number;
  /** Frames of a bulk on the way to its ring; 0 when there was none. */
  readonly bulkAverage: number;
  /** Turns before which its kthread slept, per second. */
  readonly sched: number;
}

export const SORT_ORDERS = ['cpu', 'rate', 'drops', 'waiting'] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];

/** Of the remote CPUs, as the command knows them. */
export interface RemoteCpus {
  readonly cpus: readonly number[];
  /** Of these, the ones that the program may choose now. */
  active(): readonly number[];
  qsize(cpu: number): number;
}

export function cpuRows(before: Snapshot, now: Snapshot, remote: RemoteCpus): CpuRow[] {
  const seconds = Math.max(secondsBetween(before, now), 1e-9);
  const active = new Set(remote.active());
  const sum = (snapshot: Snapshot, read: (cpu: CountedCpu) => number): number =>
    snapshot.statistics.cpus.reduce((total, cpu) => total + read(cpu), 0);
  return remote.cpus.map((cpu) => {
    const change = (read: (each: CountedCpu) => number): number => sum(now, read) - sum(before, read);
    const to = (field: 'processed' | 'drops' | 'events'): number =>
      change(({ trace }) => trace.enqueue[cpu]?.[field] ?? 0);
    const own = (field: 'processed' | 'sched'): number =>
      change((each) => (each.cpu === cpu ? each.trace.kthread[field] : 0));
    const events = to('events');
    return {
      cpu,
      active: active.has(cpu),
      rate: own('processed') / seconds,
      drops: to('drops') / seconds,
      waiting: now.depths.get(cpu),
      qsize: remote.qsize(cpu),
      bulkAverage: events > 0 ? to('processed') / events : 0,
      sched: own('sched') / seconds,
    };
  });
}

/** A copy, largest first, of equal ones the lower CPU first. */
export function sortRows(rows: readonly CpuRow[], order: SortOrder): CpuRow[] {
  const key = ({ cpu, rate, drops, waiting = 0 }: CpuRow): number => ({ cpu: -cpu, rate, drops, waiting })[order];
  return [...rows].sort((a, b) => key(b) - key(a) || a.cpu - b.cpu);
}
