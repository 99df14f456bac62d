/** What the page may change on both backends: the program, the entries, and which CPUs are in use. */
import type { ControlState, DashboardControls } from '@cpumap/dashboard';
import type { CpuMap } from '@cpumap/host';
import type { BuiltInName } from '../built-in-programs.ts';
import type { Settings } from '../options.ts';
import type { ActiveCpus } from './active-cpus.ts';
import { cpuChange, programChoice, qsizeValue, type Turn } from './control-values.ts';
import { firstCpusNote, programChoices, QSIZE_RANGE } from './control-words.ts';

export interface Changeable {
  readonly cpuMap: CpuMap;
  readonly programName: string;
  useProgram(name: BuiltInName): Promise<void>;
}

export interface EntryControls {
  state(): Pick<ControlState, 'program' | 'qsize' | 'cpus'>;
  readonly controls: Pick<DashboardControls, 'program' | 'qsize' | 'cpu'>;
}

/** @param entryProgram what stands for the second program in entries (`fdOf`), 0 without */
export function entryControls(
  machine: Changeable,
  settings: Settings,
  activeCpus: ActiveCpus,
  turn: Turn,
  entryProgram: number,
): EntryControls {
  const choices = programChoices();
  const builtIn = typeof settings.program === 'string';
  let { qsize } = settings;
  return {
    state: () => ({
      program: builtIn ? { value: choices.find(({ name }) => name === machine.programName)!.value, choices } : null,
      qsize: { value: qsize, ...QSIZE_RANGE },
      cpus: activeCpus.settable ? { note: firstCpusNote(machine.programName) } : null,
    }),
    controls: {
      qsize: (value) =>
        turn(() => {
          const wanted = qsizeValue(value);
          for (const cpu of settings.remoteCpus) machine.cpuMap.set(cpu, { qsize: wanted, program: entryProgram });
          qsize = wanted;
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
    },
  };
}
