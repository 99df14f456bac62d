/** The page of a run on the running kernel: read only, unless --allow-control lets it change the program and the entries. */
import type { Dashboard, DashboardControls } from '@cpumap/dashboard';
import type { LinuxMachine } from '../linux/linux-machine.ts';
import type { Settings, WebSettings } from '../settings.ts';
import { type ActiveCpus, createActiveCpus } from './active-cpus.ts';
import { inTurn } from './control-values.ts';
import { entryControls } from './entry-controls.ts';
import { linuxSource } from './linux-source.ts';
import { openWebPage } from './web-page.ts';

function linuxControls(machine: LinuxMachine, settings: Settings, activeCpus: ActiveCpus): DashboardControls {
  const { state, controls } = entryControls(machine, settings, activeCpus, inTurn(), machine.entryFd);
  return { ...controls, state: () => ({ ...state(), rate: null, replay: null, pause: null }) };
}

/** @throws CommandError when it cannot be served */
export function openLinuxPage(machine: LinuxMachine, settings: Settings, web: WebSettings): Promise<Dashboard> {
  const activeCpus = createActiveCpus(machine.maps, settings.remoteCpus);
  const source = linuxSource(machine, settings, activeCpus);
  return openWebPage(
    web,
    web.allowControl
      ? { source, controls: linuxControls(machine, settings, activeCpus) }
      : { source, whyNoControls: '--allow-control lets this page change what the kernel does, and was not given' },
    machine,
  );
}
