/** What the page may change of a run on the engine. */
import type { ControlState, DashboardControls } from '@cpumap/dashboard';
import type { SampleMachine } from '../machine.ts';
import type { Settings } from '../options.ts';
import type { ActiveCpus } from './active-cpus.ts';
import { cpuChange, flag, frameNumber, inTurn, programChoice, qsizeValue, rateValue } from './control-values.ts';
import { firstCpusNote, programChoices, QSIZE_RANGE } from './control-words.ts';
import type { Feed } from './feed.ts';

export function engineControls(
  { cpuMap, ...machine }: Pick<SampleMachine, 'cpuMap' | 'useProgram'> & { readonly programName: () => string },
  settings: Settings,
  activeCpus: ActiveCpus,
  feed: Feed,
): DashboardControls {
  const { remoteCpus } = settings;
  const builtIn = typeof settings.program === 'string';
  const choices = programChoices();
  let qsize = settings.qsize;
  const turn = inTurn();

  function state(): ControlState {
    const rate = feed.rate();
    const name = machine.programName();
    return {
      rate: rate === undefined ? null : { value: rate },
      program: builtIn ? { value: choices.find((choice) => choice.name === name)!.value, choices } : null,
      qsize: { value: qsize, ...QSIZE_RANGE },
      cpus: activeCpus.settable ? { note: firstCpusNote(name) } : null,
      replay: feed.replay() ?? null,
      pause: { paused: feed.state() === 'paused' },
    };
  }

  return {
    state,
    qsize: (value) =>
      turn(() => {
        const wanted = qsizeValue(value);
        for (const cpu of remoteCpus) cpuMap.set(cpu, { qsize: wanted, program: cpuMap.get(cpu)?.program ?? 0 });
        qsize = wanted;
      }),
    paused: (value) => turn(() => feed.setPaused(flag(value))),
    ...(feed.rate() !== undefined && { rate: (value) => turn(() => feed.setRate(rateValue(value))) }),
    ...(feed.replay() !== undefined && {
      position: (value) => turn(() => feed.setPosition(frameNumber(value, feed.replay()!.frames))),
    }),
    ...(activeCpus.settable && {
      cpu: (value) =>
        turn(() => {
          const { cpu, active } = cpuChange(value);
          return activeCpus.set(cpu, active);
        }),
    }),
    ...(builtIn && {
      program: (value) =>
        turn(async () => {
          const { name } = programChoice(value);
          await activeCpus.keepTurns();
          await machine.useProgram(name);
        }),
    }),
  };
}
