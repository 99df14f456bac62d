/** The live view of a run, on either backend. */
import type { BpfMap } from '@cpumap/bpf';
import type { CpuMap } from '@cpumap/host';
import type { RunOutputs } from '../screen.ts';
import type { Settings } from '../settings.ts';
import { createLiveView, type LiveView } from './live-view.ts';
import { remoteCpusOf } from './remote-cpus.ts';

/** What is read of a run's machine while it is shown. */
export interface ShownMachine {
  readonly programName: string;
  readonly cpuMap: CpuMap;
  readonly maps: Readonly<Record<string, BpfMap>>;
}

export function openRunView(settings: Settings, { out, keys }: RunOutputs, machine: ShownMachine): LiveView {
  return createLiveView({
    output: out,
    input: keys,
    live: out.isTTY === true && !settings.debug && !settings.json,
    table: () => ({ ...settings, program: machine.programName }),
    remote: remoteCpusOf(machine.cpuMap, machine.maps, settings.remoteCpus),
  });
}
