/** A source whose counters a test sets, and controls that note what they were asked. */
import type { Counters, CpuCounters, DashboardControls, DashboardSource, SampledFrame } from '@cpumap/dashboard';
import { ControlRefused } from '@cpumap/dashboard';

export const cpu = (number: number, more: Partial<CpuCounters> = {}): CpuCounters => ({
  cpu: number,
  rx: { processed: 0, dropped: 0 },
  redirectErrors: 0,
  enqueue: [],
  kthread: { processed: 0, events: 0, sched: 0, xdpDrop: 0, xdpRedirect: 0 },
  delivered: 0,
  depth: 0,
  ...more,
});

export const counters = (seconds: number, more: Partial<Counters> = {}): Counters => ({
  timestampNs: seconds * 1e9,
  received: 0,
  bytes: 0,
  missed: 0,
  lengthErrors: 0,
  programDrops: 0,
  redirected: 0,
  redirectErrors: 0,
  exceptions: 0,
  arrivals: [],
  cpus: [],
  ...more,
});

/** CPU 0 received 1000 frames a second; CPU 1 took 900 of them and its ring dropped 60. */
export const afterSeconds = (seconds: number): Counters =>
  counters(seconds, {
    received: 1000 * seconds,
    bytes: 60_000 * seconds,
    redirected: 1000 * seconds,
    arrivals: [{ queue: 0, cpu: 0, frames: 1000 * seconds, missed: 0 }],
    cpus: [
      cpu(0, {
        rx: { processed: 1000 * seconds, dropped: 0 },
        enqueue: [{ to: 1, processed: 1000 * seconds, drops: 60 * seconds, events: 200 * seconds }],
      }),
      cpu(1, {
        kthread: { processed: 900 * seconds, events: 150 * seconds, sched: 30 * seconds, xdpDrop: 0, xdpRedirect: 0 },
        delivered: 900 * seconds,
        depth: 40,
      }),
    ],
  });

export interface FakeSource extends DashboardSource {
  now: Counters;
  samples: SampledFrame[];
  readonly asked: string[];
}

export function fakeSource(): FakeSource {
  const asked: string[] = [];
  const source: FakeSource = {
    now: afterSeconds(0),
    samples: [],
    asked,
    topology: () => ({
      backend: 'engine',
      release: '6.18',
      device: 'nic0',
      input: 'a test',
      program: 'lb_hash_ip_pairs',
      programText: null,
      remoteProgram: null,
      queues: [{ name: 'queue 0' }],
      remoteCpus: [{ cpu: 1, qsize: 64, active: true }],
    }),
    counters: () => source.now,
    input: () => 'running',
    sampler: {
      cost: 'nothing, it is a test',
      async start(every) {
        asked.push(`start ${every}`);
      },
      async stop() {
        asked.push('stop');
      },
      read: () => ({ frames: source.samples.splice(0), lost: 0 }),
    },
  };
  return source;
}

export function fakeControls(asked: string[]): DashboardControls {
  return {
    state: () => ({
      rate: { value: 1000 },
      program: null,
      qsize: null,
      cpus: null,
      replay: null,
      pause: { paused: false },
    }),
    async rate(value) {
      if (typeof value !== 'number') throw new ControlRefused(400, 'a rate is a number');
      if (value > 1e9) throw new ControlRefused(409, 'not now');
      asked.push(`rate ${value}`);
    },
  };
}
