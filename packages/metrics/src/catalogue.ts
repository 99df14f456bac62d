/**
 * The metrics: name, kind, unit, labels, and where each value is read. Everything that exports them is made from this table.
 *
 * Names follow Prometheus: a prefix for the system, the thing that is counted, `_total` on counters. Counters go up only, from
 * when the machine was built, or counting began on the kernel.
 */
import type { BackendStatistics, CpuStatistics, Statistics } from '@cpumap/host';
import { errnoName } from '@cpumap/uapi';

/** All that is read at one moment. */
export interface MetricsSnapshot {
  /** With the engine's counters where it is the engine's. */
  readonly statistics: BackendStatistics | Statistics;
  /** Frames that wait for each remote CPU; without it, what the counters leave: enqueued - dropped - taken. */
  readonly depths?: ReadonlyMap<number, number> | undefined;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** As UCUM writes it; in braces what is counted. */
  readonly unit: string;
  readonly labels: readonly string[];
  read(snapshot: MetricsSnapshot): Sample[];
}

type Cpu = BackendStatistics['cpus'][number];

const cpusOf = ({ statistics }: MetricsSnapshot): readonly Cpu[] => statistics.cpus;

/** The engine's CPUs; none of a kernel, which does not count what they count. */
const engineCpus = (snapshot: MetricsSnapshot): readonly CpuStatistics[] =>
  cpusOf(snapshot).filter((cpu): cpu is CpuStatistics => 'cpumap' in cpu);

/** One sample for each CPU whose kthread ran. */
const ofKthreads =
  (value: (kthread: Cpu['trace']['kthread'], cpu: Cpu) => number) =>
  (snapshot: MetricsSnapshot): Sample[] =>
    cpusOf(snapshot)
      .filter(({ trace }) => trace.kthread.events > 0)
      .map((cpu) => ({ labels: { cpu: String(cpu.cpu) }, value: value(cpu.trace.kthread, cpu) }));

/** One sample for each pair of CPUs between which frames went. */
const ofEnqueues =
  (field: 'processed' | 'drops' | 'events') =>
  (snapshot: MetricsSnapshot): Sample[] =>
    cpusOf(snapshot).flatMap(({ cpu, trace }) =>
      trace.enqueue.flatMap((to, toCpu) =>
        to.events === 0 ? [] : [{ labels: { from_cpu: String(cpu), to_cpu: String(toCpu) }, value: to[field] }],
      ),
    );

const ofDevices =
  (counter: string) =>
  ({ statistics }: MetricsSnapshot): Sample[] =>
    statistics.devices.flatMap(({ name, counters }) =>
      counters[counter] === undefined ? [] : [{ labels: { device: name }, value: counters[counter] }],
    );

const QUEUE_COUNTER = /^rx_queue_(\d+)_packets$/;

function queueSamples({ statistics }: MetricsSnapshot): Sample[] {
  return statistics.devices.flatMap(({ name, counters }) =>
    Object.entries(counters).flatMap(([counter, value]) => {
      const queue = QUEUE_COUNTER.exec(counter)?.[1];
      return queue === undefined ? [] : [{ labels: { device: name, queue }, value }];
    }),
  );
}

function verdictSamples(snapshot: MetricsSnapshot): Sample[] {
  return engineCpus(snapshot).flatMap(({ cpu, xdp: { threw: _, ...verdicts } }) => {
    if (Object.values(verdicts).every((value) => value === 0)) return [];
    return Object.entries(verdicts).map(([action, value]) => ({ labels: { cpu: String(cpu), action }, value }));
  });
}

function secondProgramSamples(snapshot: MetricsSnapshot): Sample[] {
  return cpusOf(snapshot).flatMap(({ cpu, trace: { kthread } }) => {
    const actions = { pass: kthread.xdpPass, drop: kthread.xdpDrop, redirect: kthread.xdpRedirect };
    if (Object.values(actions).every((value) => value === 0)) return [];
    return Object.entries(actions).map(([action, value]) => ({ labels: { cpu: String(cpu), action }, value }));
  });
}

function errnoSamples(snapshot: MetricsSnapshot): Sample[] {
  return cpusOf(snapshot).flatMap(({ cpu, trace }) =>
    [...trace.errnos].map(([errno, value]) => ({
      labels: { cpu: String(cpu), errno: errnoName(errno) ?? String(errno) },
      value,
    })),
  );
}

function depthSamples(snapshot: MetricsSnapshot): Sample[] {
  const cpus = cpusOf(snapshot);
  const waiting = new Map<number, number>(snapshot.depths ?? []);
  if (snapshot.depths === undefined) {
    for (const { trace } of cpus) {
      for (const [to, { processed, drops, events }] of trace.enqueue.entries()) {
        if (events > 0) waiting.set(to, (waiting.get(to) ?? 0) + processed - drops);
      }
    }
    for (const { cpu, trace } of cpus) {
      const brought = waiting.get(cpu);
      if (brought !== undefined) waiting.set(cpu, Math.max(0, brought - trace.kthread.processed));
    }
  }
  return [...waiting].map(([cpu, value]) => ({ labels: { cpu: String(cpu) }, value }));
}

const counter = (
  name: string,
  help: string,
  unit: string,
  labels: readonly string[],
  read: Metric['read'],
): Metric => ({ name: `cpumap_${name}_total`, help, kind: 'counter', unit, labels, read });

export const METRICS: readonly Metric[] = [
  counter('rx_packets', 'Frames that the device received.', '{frame}', ['device'], ofDevices('rx_packets')),
  counter(
    'rx_bytes',
    'Bytes that the device received, without check sequences.',
    'By',
    ['device'],
    ofDevices('rx_bytes'),
  ),
  counter(
    'rx_missed',
    'Frames that the hardware had no descriptor for (of a kernel: rx_dropped).',
    '{frame}',
    ['device'],
    (snapshot) => {
      const missed = ofDevices('rx_missed_errors')(snapshot);
      return missed.length > 0 ? missed : ofDevices('rx_dropped')(snapshot);
    },
  ),
  counter('rx_queue_packets', 'Frames received by queue (engine).', '{frame}', ['device', 'queue'], queueSamples),
  counter('tx_packets', 'Frames that redirects sent on the device.', '{frame}', ['device'], ofDevices('tx_packets')),
  counter(
    'xdp_frames',
    "Frames by what the device's program led to (engine).",
    '{frame}',
    ['cpu', 'action'],
    verdictSamples,
  ),
  counter('redirect_errors', 'Failed redirects by errno.', '{frame}', ['cpu', 'errno'], errnoSamples),
  counter('xdp_exceptions', 'Frames that fired xdp_exception.', '{frame}', ['cpu'], (snapshot) =>
    cpusOf(snapshot)
      .filter(({ trace }) => trace.exception > 0)
      .map(({ cpu, trace }) => ({ labels: { cpu: String(cpu) }, value: trace.exception })),
  ),
  counter(
    'enqueue_frames',
    'Frames brought to the ring of a remote CPU, refused ones among them.',
    '{frame}',
    ['from_cpu', 'to_cpu'],
    ofEnqueues('processed'),
  ),
  counter(
    'enqueue_drops',
    'Frames dropped because the ring was full.',
    '{frame}',
    ['from_cpu', 'to_cpu'],
    ofEnqueues('drops'),
  ),
  counter(
    'enqueue_bulks',
    'Bulks in which they came: frames divided by bulks is the bulk average, 8 at most.',
    '{bulk}',
    ['from_cpu', 'to_cpu'],
    ofEnqueues('events'),
  ),
  counter(
    'kthread_frames',
    'Frames that the kthread took.',
    '{frame}',
    ['cpu'],
    ofKthreads(({ processed }) => processed),
  ),
  counter(
    'kthread_drops',
    'Frames that the kthread could not make an sk_buff for.',
    '{frame}',
    ['cpu'],
    ofKthreads(({ drops }) => drops),
  ),
  counter(
    'kthread_batches',
    'Turns of the kthread.',
    '{batch}',
    ['cpu'],
    ofKthreads(({ events }) => events),
  ),
  counter(
    'kthread_sched',
    'Turns before which the kthread slept, or let others run.',
    '{turn}',
    ['cpu'],
    ofKthreads(({ sched }) => sched),
  ),
  counter(
    'remote_program_frames',
    "Frames by what the entry's program led to.",
    '{frame}',
    ['cpu', 'action'],
    secondProgramSamples,
  ),
  counter('delivered_frames', 'Frames of cpumaps that the stack took (engine).', '{frame}', ['cpu'], (snapshot) =>
    engineCpus(snapshot)
      .filter(({ cpumap }) => cpumap.dequeued > 0)
      .map(({ cpu, cpumap }) => ({ labels: { cpu: String(cpu) }, value: cpumap.delivered })),
  ),
  counter('wakeups', 'Sleeping kthreads that the CPU woke (engine).', '{wakeup}', ['cpu'], (snapshot) =>
    engineCpus(snapshot)
      .filter(({ cpumap }) => cpumap.taken > 0)
      .map(({ cpu, cpumap }) => ({ labels: { cpu: String(cpu) }, value: cpumap.wakeups })),
  ),
  {
    name: 'cpumap_queue_depth_frames',
    help: 'Frames that wait for the remote CPU (of a kernel: enqueued - dropped - taken, since counting began).',
    kind: 'gauge',
    unit: '{frame}',
    labels: ['cpu'],
    read: depthSamples,
  },
];
