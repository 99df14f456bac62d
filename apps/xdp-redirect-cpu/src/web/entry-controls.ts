/** What the page may change on both backends: the program, the entries, and which CPUs are in use. */
import type { Choice, ControlState, DashboardControls } from '@cpumap/dashboard';
import type { CpuMap } from '@cpumap/host';
import { CPUMAP_QSIZE_MAX } from '@cpumap/uapi';
import { BUILT_IN_PROGRAMS, type BuiltInName } from '../built-in-programs.ts';
import type { Settings } from '../settings.ts';
import type { ActiveCpus } from './active-cpus.ts';
import { cpuChange, programChoice, qsizeValue, type Turn } from './control-values.ts';
import { firstCpusNote } from './control-words.ts';

const TAKES_TURNS = 'round_robin';
/** It sends every frame to the first CPU in use. */
const MEANWHILE = 'no_touch';

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
  const choices: readonly Choice[] = BUILT_IN_PROGRAMS.map(({ mode, description }) => ({
    value: mode,
    text: description,
  }));
  const modeOf = (program: string): string => BUILT_IN_PROGRAMS.find(({ name }) => name === program)!.mode;
  const builtIn = typeof settings.program === 'string';
  let { qsize } = settings;

  /** While another program runs nobody takes turns, and none is beyond the count when round_robin comes back. */
  async function withoutTurns(change: () => Promise<void>): Promise<void> {
    if (machine.programName !== TAKES_TURNS) return change();
    await machine.useProgram(MEANWHILE);
    try {
      await change();
    } finally {
      await machine.useProgram(TAKES_TURNS);
    }
  }

  return {
    state: () => ({
      program: builtIn ? { value: modeOf(machine.programName), choices } : null,
      qsize: { value: qsize, min: 1, max: CPUMAP_QSIZE_MAX },
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
            return withoutTurns(() => activeCpus.set(cpu, active));
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
