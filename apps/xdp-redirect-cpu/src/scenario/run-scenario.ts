/** `scenario …`: runs it, and shows what was counted. There is nothing to show of a run that was stopped. */
import { COST_SETS, type CostSet, measureCosts } from '@cpumap/host';
import {
  runAutoscale,
  runAutoscaleOnLinux,
  runDdos,
  runDdosOnLinux,
  runImbalance,
  runImbalanceOnLinux,
} from '@cpumap/scenarios';
import { KernelError } from '@cpumap/uapi';
import { CommandError, EXIT, type ExitCode } from '../exit-codes.ts';
import { readCapture } from '../input.ts';
import type { RunOutputs } from '../screen.ts';
import type { CostName, ScenarioSettings } from './options.ts';
import { autoscaleLines } from './render-autoscale.ts';
import { ddosLines } from './render-ddos.ts';
import { imbalanceLines } from './render-imbalance.ts';
import { spreadingProgram } from './spreading.ts';

/** What comes with the command, beside its code. */
const CAPTURE = new URL('../captures/everyday.pcapng', import.meta.url);

const costSet = (name: CostName): CostSet | Promise<CostSet> =>
  name === 'this-machine' ? measureCosts() : COST_SETS[name];

/** Without what was not given: each scenario has its own defaults. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/** Runs it; the lines for a person, and the object for a program. */
async function carryOut(settings: ScenarioSettings, signal: AbortSignal) {
  const { backend, executor, seed, cpus, rate, seconds } = settings;
  const onLinux = backend === 'linux';
  const common = { seed, signal };
  const machine = { ...common, executor, ...given({ cpus, rate, seconds }) };
  const onEngine = async () => ({ ...machine, costs: await costSet(settings.costs) });
  switch (settings.scenario) {
    case 'ddos': {
      const { input, rxQueues } = settings;
      const capture = readCapture(input ?? CAPTURE);
      const result = onLinux
        ? await runDdosOnLinux({ ...common, capture })
        : await runDdos({ ...(await onEngine()), capture, ...given({ rxQueues }) });
      return { result, lines: ddosLines(result, input ?? 'everyday.pcapng') };
    }
    case 'imbalance': {
      const { encapsulations, rxQueues } = settings;
      const program = settings.program && spreadingProgram(settings.program);
      const result = onLinux
        ? await runImbalanceOnLinux({ ...common, ...given({ encapsulations, program }) })
        : await runImbalance({
            ...(executor === 'threads' ? machine : await onEngine()), // on threads nothing asks for costs
            ...given({ encapsulations, program, rxQueues }),
          });
      return { result, lines: imbalanceLines(result) };
    }
    case 'autoscale': {
      const { load, rxQueues } = settings;
      const result = onLinux
        ? await runAutoscaleOnLinux({ ...common, load, ...given({ rate, seconds }) })
        : await runAutoscale({ ...(await onEngine()), load, ...given({ rxQueues }) });
      return { result, lines: autoscaleLines(result) };
    }
  }
}

/** An error of the scenario itself, with the exit code of what it is about; anything else as it is. */
function explained(error: unknown): unknown {
  if (!(error instanceof KernelError)) return error;
  if (error.code === 'EINTR') return new CommandError(EXIT.FAIL, error.message, error);
  return error.code === 'EINVAL' && error.syscall.startsWith('scenario ')
    ? new CommandError(EXIT.OPTION, error.message, error)
    : error;
}

/** @throws CommandError (options, a signal); KernelError ENOMEM, EIO (a frame is not accounted for), EPERM, ENOSYS (the kernel) */
export async function runScenario(
  settings: ScenarioSettings,
  { out }: RunOutputs,
  signal: AbortSignal,
): Promise<ExitCode> {
  try {
    const { result, lines } = await carryOut(settings, signal);
    out.write(settings.json ? `${JSON.stringify(result)}\n` : `${lines.join('\n')}\n`);
    return EXIT.OK;
  } catch (error) {
    throw explained(error);
  }
}
