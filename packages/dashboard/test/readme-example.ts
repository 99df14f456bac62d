import { type Counters, createDashboard, type DashboardSource, type Tick } from '@cpumap/dashboard';
import { ACCEPT_ALL, cpuMapOf, createHost } from '@cpumap/host';
import { parsePktgenSpec, pktgenSource } from '@cpumap/nic';
import { sampleMaps, sampleProgram } from '@cpumap/programs';

// CPU 0 receives and redirects everything to CPU 1, whose ring holds 64 frames
const host = await createHost({ cpus: 2, executor: 'virtual' });
const maps = Object.fromEntries(sampleMaps(2, 8).map((spec) => [spec.name, host.createMap(spec)]));
cpuMapOf(maps.cpu_map!).set(1, { qsize: 64 });
maps.cpus_available!.update(0, new Uint8Array(Uint32Array.of(1).buffer));
const nic = host.createDevice();
host.attachXdp(nic.name, await host.loadProgram(sampleProgram('no_touch', { maps, nrCpus: 2 })));
await host.addHandler(ACCEPT_ALL);

const source: DashboardSource = {
  input: () => 'running',
  topology: () => ({
    backend: 'engine',
    release: host.release,
    device: nic.name,
    input: 'generated frames',
    program: 'no_touch',
    programText: null,
    remoteProgram: null,
    queues: [{ name: 'queue 0' }],
    remoteCpus: [{ cpu: 1, qsize: 64, active: true }],
  }),
  counters(): Counters {
    const { timestampNs, cpus } = host.statistics();
    const [{ packets, bytes, missed, length_errors }] = nic.queueCounts() as [ReturnType<typeof nic.queueCounts>[0]];
    const sum = (read: (cpu: (typeof cpus)[number]) => number): number => cpus.reduce((n, cpu) => n + read(cpu), 0);
    return {
      timestampNs,
      received: packets,
      bytes,
      missed,
      lengthErrors: length_errors,
      programDrops: sum(({ xdp }) => xdp.drop),
      redirected: sum(({ xdp }) => xdp.redirect),
      redirectErrors: sum(({ xdp }) => xdp.redirect_err),
      exceptions: sum(({ trace }) => trace.exception),
      arrivals: [{ queue: 0, cpu: 0, frames: packets, missed }],
      cpus: cpus.map(({ cpu, trace, cpumap }) => ({
        cpu,
        rx: null,
        redirectErrors: trace.redirectErr,
        enqueue: trace.enqueue.map((counts, to) => ({ to, ...counts })).filter(({ events }) => events > 0),
        kthread: trace.kthread,
        delivered: cpumap.delivered,
        depth: host.queueDepths().get(cpu) ?? 0,
      })),
    };
  },
};

const dashboard = await createDashboard({ source, port: 0, whyNoControls: 'it is an example' });
nic.start(pktgenSource(parsePktgenSpec('rate=2M,flows=8'), 10_000));
await host.settle();
dashboard.finish('all frames were sent'); // what a page shows now is what was counted to the end

const { totals } = (await (await fetch(`${dashboard.url}api/tick`)).json()) as Tick;
console.log(totals.received! + totals.missed!, 'frames came,', totals.received === totals.enqueued);
console.log(totals.delivered === totals.taken && totals.enqueued === totals.taken + totals.enqueueDrops);
await dashboard.close();
await host.close();
