/** `scenario ddos|imbalance|autoscale`: their options, and what comes of them. */
import { COST_SETS } from '@cpumap/host';
import { ENCAPSULATIONS, type EncapsulationName, LOADS, type LoadName } from '@cpumap/scenarios';
import { NR_CPUS } from '@cpumap/uapi';
import { type Command, InvalidArgumentError, Option, type OptionValues } from 'commander';
import { BUILT_IN_PROGRAMS, type BuiltInName } from '../built-in-programs.ts';
import { CommandError, EXIT } from '../exit-codes.ts';
import { integer, positive, userCode } from '../options.ts';
import type { UserCode } from '../settings.ts';

const COST_NAMES = [...(Object.keys(COST_SETS) as (keyof typeof COST_SETS)[]), 'this-machine'] as const;
export type CostName = (typeof COST_NAMES)[number];

interface Common {
  readonly backend: 'engine' | 'linux';
  readonly executor: 'threads' | 'virtual';
  readonly seed: number;
  readonly costs: CostName;
  readonly cpus: number | undefined;
  /** Frames per second. */
  readonly rate: number | undefined;
  readonly seconds: number | undefined;
  readonly json: boolean;
}

/** An XDP program of an object file. */
export interface ObjectProgram {
  readonly object: string;
  readonly prog: string | undefined;
}

export type ScenarioSettings =
  | (Common & {
      readonly scenario: 'ddos';
      readonly input: string | undefined;
      readonly rxQueues: number[] | undefined;
    })
  | (Common & {
      readonly scenario: 'imbalance';
      readonly encapsulations: readonly EncapsulationName[] | undefined;
      readonly program: BuiltInName | UserCode | ObjectProgram | undefined;
      readonly rxQueues: number | undefined;
    })
  | (Common & { readonly scenario: 'autoscale'; readonly load: LoadName; readonly rxQueues: number | undefined });

const MOST_QUEUES = 128;
const UNIT: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };
const MOST_RATE = 1e10;

function rate(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text) ?? [];
  const value = digits === '' ? Number.NaN : Number(digits) * UNIT[unit]!;
  if (value > 0 && value <= MOST_RATE) return value;
  throw new InvalidArgumentError('--rate is a number of frames per second above 0, with k, M or G: 14.88M, up to 10G.');
}

function queueList(text: string): number[] {
  return text.split(',').map((part) => integer('Each number of --rx-queues', 1, MOST_QUEUES)(part.trim()));
}

/** Defaults of the scenario, for the help. */
interface Defaults {
  readonly cpus: string;
  readonly rate: string;
  readonly seconds: string;
}

function addCommon(command: Command, { cpus, rate: frames, seconds }: Defaults): Command {
  return command
    .addOption(
      new Option('--backend <backend>', 'the engine, or the running kernel in network namespaces of its own (root)')
        .choices(['engine', 'linux'])
        .default('engine'),
    )
    .addOption(
      new Option('--executor <kind>', 'all CPUs in one on a virtual clock, or a thread for each')
        .choices(['virtual', 'threads'])
        .default('virtual'),
    )
    .addOption(
      new Option('--seed <n>', 'of the traffic and the virtual schedule')
        .default(1)
        .argParser(integer('--seed', 0, 0xffffffff)),
    )
    .addOption(
      new Option(
        '--costs <name>',
        'what a stage takes: the clock of virtual CPUs; with threads what CPU time is computed with (default: published-2017; with threads this-machine)',
      ).choices(COST_NAMES),
    )
    .addOption(
      new Option('--cpus <n>', `CPUs of the machine (default: ${cpus})`).argParser(integer('--cpus', 2, NR_CPUS)),
    )
    .addOption(new Option('--rate <n>', `frames per second, with k, M or G (default: ${frames})`).argParser(rate))
    .addOption(
      new Option('--duration <s>', `seconds of traffic, on the clock of the machine (default: ${seconds})`).argParser(
        positive('--duration'),
      ),
    )
    .option('--json', 'one JSON object');
}

/** What the running kernel has no choice in, by scenario. */
const ENGINE_ALONE: Readonly<Record<ScenarioSettings['scenario'], readonly string[]>> = {
  ddos: ['executor', 'costs', 'cpus', 'rxQueues', 'rate', 'duration'],
  imbalance: ['executor', 'costs', 'cpus', 'rxQueues', 'rate', 'duration', 'module'],
  autoscale: ['executor', 'costs', 'cpus', 'rxQueues'],
};

const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function checkBackend(scenario: ScenarioSettings['scenario'], command: Command): void {
  if (command.opts().backend === 'engine') return;
  const found = ENGINE_ALONE[scenario].filter((name) => command.getOptionValueSource(name) === 'cli');
  if (found.length === 0) return;
  throw new CommandError(
    EXIT.OPTION,
    `${found.map(flag).join(', ')}: only the engine has that; with --backend linux the machine is this one, at its own speed`,
  );
}

function checkCosts({ executor, costs }: OptionValues): void {
  if (executor === 'virtual' || costs === undefined) return;
  throw new CommandError(EXIT.OPTION, `--costs ${costs}: imbalance computes no CPU time, and threads need no clock`);
}

function common({ backend, executor, seed, costs, cpus, rate: frames, duration, json = false }: OptionValues): Common {
  return {
    backend,
    executor,
    seed,
    costs: costs ?? (executor === 'threads' ? 'this-machine' : 'published-2017'),
    cpus,
    rate: frames,
    seconds: duration,
    json,
  };
}

function programOf({ programMode, module: code, obj, prog }: OptionValues) {
  if ([programMode, code, obj].filter((given) => given !== undefined).length > 1) {
    throw new CommandError(EXIT.OPTION, '--program-mode, --module and --obj exclude each other');
  }
  if (prog !== undefined && obj === undefined) throw new CommandError(EXIT.OPTION, '--prog needs --obj FILE');
  if (obj !== undefined) return { object: obj, prog };
  return code ?? BUILT_IN_PROGRAMS.find(({ mode }) => mode === programMode)?.name;
}

/** @param chosen told what the arguments ask for */
export function describeScenarios(root: Command, chosen: (settings: ScenarioSettings) => void): void {
  const scenario = root
    .command('scenario')
    .description('whole scenarios, each of which ends with a table of what was counted')
    .helpCommand(false);
  const add = (name: string, description: string, defaults: Defaults): Command =>
    addCommon(scenario.command(name).description(description).configureHelp({ helpWidth: 110 }), defaults);

  add('ddos', 'a flood of 64-byte UDP, filtered on the RX CPUs; legitimate TCP goes on to remote CPUs', {
    cpus: '4',
    rate: '14.88M; with threads 14.88/11 of what one RX CPU takes',
    seconds: '0.1; with threads 1',
  })
    .addOption(
      new Option(
        '--input <file>',
        'whose TCP frames are legitimate (default: the capture that comes with the command)',
      ),
    )
    .addOption(
      new Option(
        '--rx-queues <list>',
        'RX queues, and CPUs that receive; a run for each (default: 1,2; with threads on two processors 1)',
      ).argParser(queueList),
    )
    .action((o: OptionValues, command: Command) => {
      checkBackend('ddos', command);
      chosen({ ...common(o), scenario: 'ddos', input: o.input, rxQueues: o.rxQueues });
    });

  add('imbalance', 'traffic that RSS cannot spread, before and after a program that hashes what is inside', {
    cpus: '8',
    rate: '8M; with threads as fast as they are taken',
    seconds: '0.05',
  })
    .addOption(
      new Option('--encapsulation <name...>', 'which (default: all, one after the other)').choices(
        ENCAPSULATIONS.map(({ name }) => name),
      ),
    )
    .addOption(
      new Option('-p, --program-mode <mode>', 'the program that spreads (default: that of the encapsulation)').choices(
        BUILT_IN_PROGRAMS.map(({ mode }) => mode),
      ),
    )
    .addOption(new Option('--module <file#export>', 'your own XDP program instead: a module').argParser(userCode))
    .addOption(new Option('--obj <file>', 'your own XDP program instead: an object compiled by clang'))
    .addOption(new Option('--prog <name>', 'of --obj: the program for the device'))
    .addOption(
      new Option('--rx-queues <n>', 'RX queues; CPUs beyond them are remote (default: 4)').argParser(
        integer('--rx-queues', 1, MOST_QUEUES),
      ),
    )
    .action((o: OptionValues, command: Command) => {
      checkBackend('imbalance', command);
      checkCosts(o);
      chosen({
        ...common(o),
        scenario: 'imbalance',
        encapsulations: o.encapsulation,
        program: programOf(o),
        rxQueues: o.rxQueues,
      });
    });

  add('autoscale', 'a load that goes up and down: remote CPUs that follow it, and all of them on', {
    cpus: '5; with threads 3',
    rate: 'at the peak: 70 % of what the machine takes',
    seconds: '0.4; with threads 4, on Linux 3',
  })
    .addOption(new Option('--load <name>', 'how it goes').choices(Object.keys(LOADS)).default('daily'))
    .addOption(
      new Option('--rx-queues <n>', 'RX queues; CPUs beyond them are remote (default: 1)').argParser(
        integer('--rx-queues', 1, MOST_QUEUES),
      ),
    )
    .action((o: OptionValues, command: Command) => {
      checkBackend('autoscale', command);
      chosen({ ...common(o), scenario: 'autoscale', load: o.load, rxQueues: o.rxQueues });
    });
}
