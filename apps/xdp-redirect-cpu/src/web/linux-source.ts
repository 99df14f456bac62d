/** What the dashboard shows of a run on the running kernel. */
import type { Counters, DashboardSource, Topology } from '@cpumap/dashboard';
import type { LinuxMachine } from '../linux/linux-machine.ts';
import { linuxCounts, takeLinuxSnapshot } from '../linux/linux-summary.ts';
import type { Settings } from '../settings.ts';
import type { ActiveCpus } from './active-cpus.ts';
import { programText } from './control-words.ts';
import { cpuCounters } from './counters.ts';

export function linuxSource(machine: LinuxMachine, settings: Settings, activeCpus: ActiveCpus): DashboardSource {
  const { backend, cpuMap } = machine;
  const { dev, remoteCpus, success } = settings;

  function topology(): Topology {
    const active = activeCpus.list();
    return {
      backend: 'linux',
      release: backend.release,
      device: dev,
      input: `what arrives on ${dev}`,
      program: machine.programName,
      programText: programText(machine.programName),
      remoteProgram: machine.remoteName ?? null,
      queues: [{ name: dev }],
      remoteCpus: remoteCpus.map((cpu) => ({
        cpu,
        qsize: cpuMap.get(cpu)?.qsize ?? 0,
        active: active.includes(cpu),
      })),
    };
  }

  function counters(): Counters {
    const snapshot = takeLinuxSnapshot(machine);
    const { rx, xdp, exception } = linuxCounts(snapshot, success);
    const cpus = cpuCounters(
      snapshot,
      (cpu) => remoteCpus.includes(cpu),
      () => null,
    );
    // what a CPU brought to rings stands for what it received, where the program does not count
    const arrivals = cpus.flatMap(({ cpu, rx, enqueue }) => {
      const frames = rx?.processed ?? enqueue.reduce((sum, { processed }) => sum + processed, 0);
      return frames > 0 ? [{ queue: 0, cpu, frames, missed: null }] : [];
    });
    return {
      timestampNs: snapshot.statistics.timestampNs,
      received: rx.packets,
      bytes: null,
      missed: null,
      lengthErrors: null,
      programDrops: xdp.drop,
      redirected: xdp.redirect,
      redirectErrors: xdp.redirect_err,
      exceptions: exception,
      arrivals,
      cpus,
    };
  }

  return {
    topology,
    counters,
    input: () => 'running',
    whyNoSampler: 'only the engine has the probes that it takes',
  };
}
