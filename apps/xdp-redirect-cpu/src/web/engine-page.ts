/** The page of a run on the engine. */
import type { Dashboard } from '@cpumap/dashboard';
import type { Input } from '../input.ts';
import type { SampleMachine } from '../machine.ts';
import type { Settings, WebSettings } from '../options.ts';
import { createActiveCpus } from './active-cpus.ts';
import { engineControls } from './engine-controls.ts';
import { engineSource } from './engine-source.ts';
import { createFeed, type Feed } from './feed.ts';
import { openWebPage } from './web-page.ts';

export interface EnginePage {
  readonly dashboard: Dashboard;
  readonly feed: Feed;
}

/** @throws CommandError when it cannot be served */
export async function openEnginePage(
  machine: SampleMachine,
  settings: Settings,
  web: WebSettings,
  input: Input,
): Promise<EnginePage> {
  const feed = createFeed(input.source, settings);
  const activeCpus = createActiveCpus(machine.maps, settings.remoteCpus);
  const source = engineSource(machine, settings, input, activeCpus, feed);
  const controls = engineControls(
    { cpuMap: machine.cpuMap, useProgram: machine.useProgram, programName: () => machine.programName },
    settings,
    activeCpus,
    feed,
  );
  return { dashboard: await openWebPage(web, { source, controls }), feed };
}
