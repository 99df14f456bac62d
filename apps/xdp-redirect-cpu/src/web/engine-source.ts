/** What the dashboard shows of a run on the engine. */
import type { Counters, DashboardSource, Topology } from '@cpumap/dashboard';
import type { Input } from '../input.ts';
import type { SampleMachine } from '../machine.ts';
import type { Settings } from '../settings.ts';
import { takeSnapshot } from '../snapshot.ts';
import { countsOf } from '../summary.ts';
import type { ActiveCpus } from './active-cpus.ts';
import { programText } from './control-words.ts';
import { cpuCounters } from './counters.ts';
import { engineSampler } from './engine-sampler.ts';
import type { Feed } from './feed.ts';

export function engineSource(
  machine: SampleMachine,
  settings: Settings,
  input: Input,
  activeCpus: ActiveCpus,
  feed: Feed,
): DashboardSource {
  const { host, device, cpuMap } = machine;
  const own = typeof settings.program !== 'string';

  function topology(): Topology {
    const active = activeCpus.list();
    return {
      backend: 'engine',
      release: host.release,
      device: device.name,
      input: input.description,
      program: machine.programName,
      programText: programText(machine.programName),
      remoteProgram: machine.remoteProgram ?? null,
      queues: Array.from({ length: device.channels() }, (_, queue) => ({ name: `queue ${queue}` })),
      remoteCpus: settings.remoteCpus.map((cpu) => ({
        cpu,
        qsize: cpuMap.get(cpu)?.qsize ?? 0,
        active: active.includes(cpu),
      })),
    };
  }

  function counters(): Counters {
    const snapshot = takeSnapshot(machine, own);
    const { rx, xdp, exception } = countsOf(snapshot);
    const arrivals = device.queueCounts().map(({ packets, missed }, queue) => ({
      queue,
      cpu: device.irqAffinity(queue),
      frames: packets,
      missed,
    }));
    const takesPart = (cpu: number): boolean =>
      settings.remoteCpus.includes(cpu) || arrivals.some((arrival) => arrival.cpu === cpu);
    return {
      timestampNs: snapshot.statistics.timestampNs,
      received: rx.packets,
      bytes: rx.bytes,
      missed: rx.missed,
      lengthErrors: rx.length_errors,
      programDrops: xdp.drop,
      redirected: xdp.redirect,
      redirectErrors: xdp.redirect_err,
      exceptions: exception,
      arrivals,
      cpus: cpuCounters(snapshot, takesPart, (index) => snapshot.statistics.cpus[index]!.cpumap.delivered),
    };
  }

  return { topology, counters, input: () => feed.state(), sampler: engineSampler(host, cpuMap.map.id) };
}
