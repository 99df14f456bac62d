/** The whole command line: a run, doctor, or one of the subcommands for compiled objects, each with its options. */
import { BPF_ENGINES } from '@cpumap/bpf';
import { CPUMAP_QSIZE_MAX } from '@cpumap/uapi';
import { type Command, CommanderError, InvalidArgumentError, Option, type OptionValues } from 'commander';
import type { DisasmOptions } from './disasm.ts';
import type { DoctorOptions } from './doctor/doctor.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { describeExplain, type ExplainOptions } from './explain/explain-options.ts';
import type { InspectOptions } from './inspect.ts';
import { cpuList, describeRun, integer, listOf, QSIZE_DEFAULT, settingsOf } from './options.ts';
import { describeScenarios, type ScenarioSettings } from './scenario/options.ts';
import type { Settings } from './settings.ts';
import type { TestRunCommandOptions } from './test-run.ts';
import type { VerifyOptions } from './verify.ts';

export type Invocation =
  | { readonly command: 'run'; readonly options: Settings }
  | { readonly command: 'explain'; readonly options: ExplainOptions }
  | { readonly command: 'inspect'; readonly options: InspectOptions }
  | { readonly command: 'disasm'; readonly options: DisasmOptions }
  | { readonly command: 'verify'; readonly options: VerifyOptions }
  | { readonly command: 'doctor'; readonly options: DoctorOptions }
  | { readonly command: 'test-run'; readonly options: TestRunCommandOptions }
  | { readonly command: 'scenario'; readonly options: ScenarioSettings };

const MOST_REPEATS = 0xffffffff;

function hexBytes(text: string): Uint8Array {
  const digits = text.replace(/[\s:]/g, '');
  if (digits === '' || digits.length % 2 === 1 || !/^[0-9a-f]+$/i.test(digits)) {
    throw new InvalidArgumentError('Give bytes as hex, two digits each.');
  }
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

function refuse(message: string): never {
  throw new CommandError(EXIT.OPTION, message);
}

function testRunOptions(file: string, program: string, o: OptionValues): TestRunCommandOptions {
  const { data, input, repeat, cpu: remoteCpus = [], qsize, dumpMap: dumpMaps = [], bpfEngine } = o;
  if ((data === undefined) === (input === undefined)) refuse('test-run takes frames from --data HEX or --input FILE');
  return { file, program, data, input, repeat, remoteCpus, qsize, dumpMaps, bpfEngine };
}

/** @param chosen told what the arguments ask for */
function describeAll(chosen: (invocation: Invocation) => void): Command {
  const root = describeRun();
  const isWritten = (name: string): boolean => root.getOptionValueSource(name) === 'cli';
  root.action(() => chosen({ command: 'run', options: settingsOf(root.opts(), isWritten) }));
  root
    .command('doctor')
    .description('what this kernel can do for --backend linux, its interfaces, and what to look out for')
    .option('-d, --dev <name>', 'only this interface')
    .option('--json', 'one JSON object')
    .action(({ dev, json = false }) => chosen({ command: 'doctor', options: { dev, json } }));
  describeScenarios(root, (options) => chosen({ command: 'scenario', options }));
  root.addCommand(describeExplain((options) => chosen({ command: 'explain', options })));
  const subcommand = (name: string, description: string): Command =>
    root.command(name).description(description).argument('<file>', 'an object that clang compiled for BPF');

  subcommand('inspect', "an object's maps, programs, functions and sections")
    .option('--json', 'one JSON object')
    .action((file: string, { json = false }) => chosen({ command: 'inspect', options: { file, json } }));

  subcommand('disasm', "an object's code as assembly text")
    .argument('[prog]', 'only this program and the functions that it calls')
    .action((file: string, program?: string) => chosen({ command: 'disasm', options: { file, program } }));

  subcommand('verify', 'what the verifier says to programs; exit code 1 if it refuses one')
    .argument('[prog...]', 'only these programs')
    .addOption(
      new Option(
        '--log-level <n>',
        '0 the verdict, 1 the way to it, 2 every way (default: 1 for programs that are named, else 0)',
      ).argParser(integer('--log-level', 0, 2)),
    )
    .action((file: string, programs: string[], { logLevel }) => {
      chosen({ command: 'verify', options: { file, programs, logLevel } });
    });

  subcommand('test-run', 'runs an XDP program on frames, without carrying its verdicts out')
    .argument('<prog>', 'the program')
    .addOption(new Option('--data <hex>', 'one frame').argParser(hexBytes))
    .addOption(new Option('--input <file>', 'the frames of a pcap or pcapng file'))
    .addOption(
      new Option('--repeat <n>', 'runs on each frame').default(1).argParser(integer('--repeat', 1, MOST_REPEATS)),
    )
    .addOption(new Option('-c, --cpu <n>', 'a CPU that the cpumap has an entry for').argParser(cpuList('--cpu')))
    .addOption(
      new Option('-q, --qsize <n>', 'frames that wait for each CPU')
        .default(QSIZE_DEFAULT)
        .argParser(integer('--qsize', 1, CPUMAP_QSIZE_MAX)),
    )
    .addOption(new Option('--dump-map <name>', 'show the contents of this map').argParser(listOf))
    .addOption(new Option('--bpf-engine <engine>', 'what runs bytecode').choices([...BPF_ENGINES]).default('jit'))
    .action((file: string, program: string, o) => {
      chosen({ command: 'test-run', options: testRunOptions(file, program, o) });
    });
  return root;
}

/** The command with all its commands and options, to look at. */
export const describeCommand = (): Command => describeAll(() => undefined);

const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];

/**
 * Reads the arguments, without the node and script paths.
 * @returns undefined when help was asked for and printed
 * @throws CommandError with exit code 2, its message for the user
 */
export function parseInvocation(args: readonly string[]): Invocation | undefined {
  let invocation: Invocation | undefined;
  const root = describeAll((chosen) => {
    invocation = chosen;
  });
  let complaint = '';
  for (const command of withSubcommands(root)) {
    command.exitOverride().configureOutput({ writeErr: (text) => (complaint += text) });
    command.allowExcessArguments(false);
  }
  try {
    root.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return undefined;
    throw new CommandError(EXIT.OPTION, complaint.replace(/^error: /, '').trimEnd());
  }
  return invocation;
}

/** The settings of a run. @throws CommandError for a subcommand too; @returns undefined when help was printed */
export function parseOptions(args: readonly string[]): Settings | undefined {
  const invocation = parseInvocation(args);
  if (invocation === undefined || invocation.command === 'run') return invocation?.options;
  return refuse(`${invocation.command} is a command of its own, not a run`);
}
