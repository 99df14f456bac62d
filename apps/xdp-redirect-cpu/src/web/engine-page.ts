/** The page of a run on the engine. */
import type { Dashboard, DashboardControls } from '@cpumap/dashboard';
import type { Input } from '../input.ts';
import type { SampleMachine } from '../machine.ts';
import { meteredHost } from '../metrics.ts';
import type { Settings, WebSettings } from '../settings.ts';
import { type ActiveCpus, createActiveCpus } from './active-cpus.ts';
import { flag, frameNumber, inTurn, rateValue } from './control-values.ts';
import { engineSource } from './engine-source.ts';
import { entryControls } from './entry-controls.ts';
import { createFeed, type Feed } from './feed.ts';
import { openWebPage } from './web-page.ts';

export interface EnginePage {
  readonly dashboard: Dashboard;
  readonly feed: Feed;
}

function engineControls(
  machine: SampleMachine,
  settings: Settings,
  activeCpus: ActiveCpus,
  feed: Feed,
): DashboardControls {
  const turn = inTurn();
  const entryProgram = machine.cpuMap.get(settings.remoteCpus[0]!)!.program ?? 0;
  const { state, controls } = entryControls(machine, settings, activeCpus, turn, entryProgram);
  return {
    ...controls,
    state() {
      const rate = feed.rate();
      return {
        ...state(),
        rate: rate === undefined ? null : { value: rate },
        replay: feed.replay() ?? null,
        pause: { paused: feed.state() === 'paused' },
      };
    },
    paused: (value) => turn(() => feed.setPaused(flag(value))),
    ...(settings.pktgen === undefined
      ? { position: (value) => turn(() => feed.setPosition(frameNumber(value, feed.replay()!.frames))) }
      : { rate: (value) => turn(() => feed.setRate(rateValue(value))) }),
  };
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
  const controls = engineControls(machine, settings, activeCpus, feed);
  return { dashboard: await openWebPage(web, { source, controls }, meteredHost(machine)), feed };
}
