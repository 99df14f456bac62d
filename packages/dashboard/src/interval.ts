/** From counters to what is shown: the rates of an interval, and the totals of a run. */
import { levelOf } from './level.ts';
import type { CpuPoint, CpuTotals, LinkRate, PastPoint, Point, RemoteCpu, Totals } from './protocol.ts';
import type { Counters, CpuCounters } from './source.ts';

type Enqueue = CpuCounters['enqueue'][number];
const NONE: Omit<Enqueue, 'to'> = { processed: 0, drops: 0, events: 0 };

/** What was brought to the ring of `cpu`, by all CPUs. */
function enqueuedTo({ cpus }: Counters, cpu: number): Omit<Enqueue, 'to'> {
  const sum = { ...NONE };
  for (const { enqueue } of cpus) {
    for (const { to, processed, drops, events } of enqueue) {
      if (to !== cpu) continue;
      sum.processed += processed;
      sum.drops += drops;
      sum.events += events;
    }
  }
  return sum;
}

const average = (frames: number, bulks: number): number => (bulks > 0 ? frames / bulks : 0);
const round = (value: number): number => Math.round(value * 100) / 100;

/** What the queues of `cpu` had no buffer for; null when that is not known of one. */
function missedBy({ arrivals }: Counters, cpu: number): number | null {
  const counts = arrivals.filter((arrival) => arrival.cpu === cpu).map(({ missed }) => missed);
  return counts.includes(null) ? null : (counts as number[]).reduce((sum, count) => sum + count, 0);
}

/** The totals of one CPU in the shape of a point, from which both totals and rates are made. */
function sumsOf(counters: Counters, { cpu, rx, redirectErrors, kthread, delivered }: CpuCounters) {
  const to = enqueuedTo(counters, cpu);
  return {
    received: rx?.processed ?? null,
    programDrops: rx?.dropped ?? null,
    redirectErrors,
    missed: missedBy(counters, cpu),
    enqueued: to.processed,
    enqueueDrops: to.drops,
    taken: kthread.processed,
    remoteDrops: kthread.xdpDrop,
    remoteRedirects: kthread.xdpRedirect,
    delivered,
    wakeups: kthread.sched,
    bulks: to.events,
    turns: kthread.events,
  };
}
type Sums = ReturnType<typeof sumsOf>;

const minus = <T extends number | null>(now: T, before: number | null | undefined): T =>
  (now === null ? null : now - (before ?? 0)) as T;
const per = <T extends number | null>(count: T, seconds: number): T =>
  (count === null ? null : round(count / seconds)) as T;

function differences(now: Sums, before: Sums | undefined): Sums {
  const entries = Object.entries(now) as [keyof Sums, number | null][];
  return Object.fromEntries(entries.map(([key, value]) => [key, minus(value, before?.[key])])) as unknown as Sums;
}

function cpuPoint(
  now: Counters,
  before: Counters,
  counters: CpuCounters,
  seconds: number,
  remote: RemoteCpu | undefined,
): CpuPoint {
  const { cpu } = counters;
  const past = before.cpus.find((each) => each.cpu === cpu);
  const sums = sumsOf(now, counters);
  const d = differences(sums, past && sumsOf(before, past));
  // counters are read one after the other, while frames move
  const depth = counters.depth ?? Math.max(0, sums.enqueued - sums.enqueueDrops - sums.taken);
  return {
    cpu,
    received: per(d.received, seconds),
    programDrops: per(d.programDrops, seconds),
    redirectErrors: per(d.redirectErrors, seconds),
    missed: per(d.missed, seconds),
    enqueued: per(d.enqueued, seconds),
    enqueueDrops: per(d.enqueueDrops, seconds),
    bulkAverage: round(average(d.enqueued, d.bulks)),
    taken: per(d.taken, seconds),
    remoteDrops: per(d.remoteDrops, seconds),
    remoteRedirects: per(d.remoteRedirects, seconds),
    delivered: per(d.delivered, seconds),
    depth,
    wakeups: per(d.wakeups, seconds),
    ...levelOf({ ...d, depth, seconds, qsize: remote?.qsize }),
  };
}

function linksOf(now: Counters, before: Counters, seconds: number): LinkRate[] {
  return now.cpus.flatMap(({ cpu, enqueue }) => {
    const past = before.cpus.find((each) => each.cpu === cpu)?.enqueue;
    return enqueue.map(({ to, processed, drops, events }) => {
      const earlier = past?.find((each) => each.to === to) ?? NONE;
      const frames = processed - earlier.processed;
      return {
        from: cpu,
        to,
        rate: per(frames, seconds),
        drops: per(drops - earlier.drops, seconds),
        bulkAverage: round(average(frames, events - earlier.events)),
      };
    });
  });
}

function sumOver(counters: Counters, read: (sums: Sums) => number | null): number | null {
  const values = counters.cpus.map((cpu) => read(sumsOf(counters, cpu)));
  return values.includes(null) ? null : (values as number[]).reduce((sum, value) => sum + value, 0);
}

/** The rates between two moments; `at` is when the second one was, in milliseconds since 1970. */
export function pointOf(before: Counters, now: Counters, remoteCpus: readonly RemoteCpu[], at: number): Point {
  const seconds = Math.max((now.timestampNs - before.timestampNs) / 1e9, 1e-9);
  const rate = (read: (counters: Counters) => number | null): number | null =>
    per(minus(read(now), read(before)), seconds);
  const sum = (read: (sums: Sums) => number | null) => rate((counters) => sumOver(counters, read));
  return {
    at,
    seconds: round(seconds),
    received: rate(({ received }) => received),
    missed: rate(({ missed }) => missed),
    programDrops: rate(({ programDrops }) => programDrops),
    redirectErrors: rate(({ redirectErrors }) => redirectErrors)!,
    enqueueDrops: sum(({ enqueueDrops }) => enqueueDrops)!,
    remoteDrops: sum(({ remoteDrops }) => remoteDrops)!,
    delivered: sum(({ delivered }) => delivered),
    arrivals: now.arrivals.map(({ queue, cpu, frames, missed }) => {
      const past = before.arrivals.find((arrival) => arrival.queue === queue && arrival.cpu === cpu);
      return {
        queue,
        cpu,
        rate: per(minus(frames, past?.frames), seconds),
        missed: per(minus(missed, past?.missed), seconds),
      };
    }),
    links: linksOf(now, before, seconds),
    cpus: now.cpus.map((cpu) =>
      cpuPoint(
        now,
        before,
        cpu,
        seconds,
        remoteCpus.find((remote) => remote.cpu === cpu.cpu),
      ),
    ),
  };
}

/** What is kept of a point when the next one has come. */
export function pastPoint({ arrivals: _arrivals, links: _links, cpus, ...rest }: Point): PastPoint {
  return {
    ...rest,
    cpus: cpus.map(({ cpu, taken, depth, bulkAverage, wakeups, enqueueDrops }) => ({
      cpu,
      taken,
      depth,
      bulkAverage,
      wakeups,
      enqueueDrops,
    })),
  };
}

/** All counts since `first`, which is where the run began. */
export function totalsOf(first: Counters, now: Counters): Totals {
  const cpus = now.cpus.map((counters): CpuTotals => {
    const { bulks, turns: _turns, ...sums } = sumsOf(now, counters);
    return { cpu: counters.cpu, ...sums, bulkAverage: average(sums.enqueued, bulks) };
  });
  const enqueued = sumOver(now, (sums) => sums.enqueued)!;
  return {
    seconds: (now.timestampNs - first.timestampNs) / 1e9,
    received: now.received,
    bytes: now.bytes,
    missed: now.missed,
    lengthErrors: now.lengthErrors,
    programDrops: now.programDrops,
    redirected: now.redirected,
    redirectErrors: now.redirectErrors,
    enqueued,
    enqueueDrops: sumOver(now, (sums) => sums.enqueueDrops)!,
    bulkAverage: average(enqueued, sumOver(now, (sums) => sums.bulks)!),
    taken: sumOver(now, (sums) => sums.taken)!,
    remoteDrops: sumOver(now, (sums) => sums.remoteDrops)!,
    delivered: sumOver(now, (sums) => sums.delivered),
    exceptions: now.exceptions,
    cpus,
  };
}
