/**
 * The command line: what it takes, what each value may be, and the settings that come of it. Everything that can be known
 * to be wrong without building a machine is refused here.
 */

import { BPF_ENGINES } from '@cpumap/bpf';
import {
  MTU_DEFAULT,
  MTU_MAX,
  MTU_MIN,
  PKTGEN_KEYS,
  type PktgenSpec,
  PktgenSpecError,
  parsePktgenSpec,
  RX_RING_DEFAULT,
} from '@cpumap/nic';
import { CPUMAP_QSIZE_MAX, DEFAULT_RELEASE, NR_CPUS, RELEASES } from '@cpumap/uapi';
import { Command, InvalidArgumentError, Option, type OptionValues } from 'commander';
import { BUILT_IN_PROGRAMS } from './built-in-programs.ts';
import { CAPTURE_HELP, captureOption } from './capture/capture-option.ts';
import { whyNotOnLinux } from './linux/engine-options.ts';
import { checkEngine, checkTogether, refuse } from './option-checks.ts';
import type { Settings, UserCode, UserObject } from './settings.ts';

/** More than the sample's 192: a CPU that wakes from deep sleep in 133 µs finds 1,979 frames of 10 Gbit/s waiting. */
export const QSIZE_DEFAULT = 2048;
const WEB_PORT_DEFAULT = '8080';
const WEB_HOST_DEFAULT = '127.0.0.1';
const MODES = BUILT_IN_PROGRAMS.map(({ mode }) => mode);
const PROGNUMS = BUILT_IN_PROGRAMS.flatMap(({ prognum }) => (prognum === undefined ? [] : [prognum]));

export function integer(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${what} is a whole number from ${min} to ${max}.`);
  };
}

export function positive(what: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value > 0 && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`${what} is a number above 0.`);
  };
}

export function cpuList(what: string): (text: string, before?: readonly number[]) => number[] {
  const parse = integer(`Each CPU of ${what}`, 0, NR_CPUS - 1);
  return (text, before = []) => {
    const list = [...before];
    for (const part of text.split(',')) {
      const cpu = parse(part.trim());
      if (what === '--cpu' && list.includes(cpu)) throw new InvalidArgumentError(`CPU ${cpu} is given twice.`);
      list.push(cpu);
    }
    return list;
  };
}

export function userCode(text: string): UserCode {
  const hash = text.lastIndexOf('#');
  const [file, name] = hash < 0 ? [text, 'default'] : [text.slice(0, hash), text.slice(hash + 1)];
  if (file === '' || name === '') throw new InvalidArgumentError('Write FILE or FILE#EXPORT.');
  return { file, export: name };
}

export function listOf(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function pktgen(text: string): PktgenSpec {
  try {
    return parsePktgenSpec(text);
  } catch (error) {
    if (error instanceof PktgenSpecError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function otlpEndpoint(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('Give an http URL, as in http://localhost:4318.');
}

function replaySpeed(text: string): 'max' | number {
  if (text === 'max') return 'max';
  return text === 'original' ? 1 : positive('--speed')(text);
}

const programList = BUILT_IN_PROGRAMS.map(
  ({ prognum, mode, description }) => `  ${prognum ?? '-'}  ${mode.padEnd(12)} ${description}`,
).join('\n');
const pktgenList = PKTGEN_KEYS.map(
  ({ key, allowed, default: preset, meaning }) => `  ${key.padEnd(6)} ${meaning}: ${allowed} (${preset})`,
).join('\n');

/** The command with the options of a run. */
export function describeRun(): Command {
  const command = new Command('xdp-redirect-cpu')
    .description('Receives frames, runs an XDP program on them and redirects them to other CPUs through a cpumap.')
    .usage(
      '--cpu N [--cpu N ...] (--input FILE | --pktgen SPEC | --backend linux --dev IFNAME) [options]\n       xdp-redirect-cpu COMMAND …',
    )
    .configureHelp({ helpWidth: 110 })
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .helpCommand(false)
    .showHelpAfterError('(--help lists all options)');
  const add = (option: Option): void => {
    command.addOption(option);
  };
  const group = (title: string): void => {
    command.optionsGroup(title);
  };

  group('Where it runs:');
  add(
    new Option('--backend <backend>', 'the engine in this process, or the running kernel with its interface --dev')
      .choices(['engine', 'linux'])
      .default('engine'),
  );
  add(new Option('-d, --dev <name>', 'the model device; of --backend linux: the interface').default('nic0'));
  add(new Option('--force', 'of --backend linux: --dev may carry the default route'));

  group('What comes in:');
  add(new Option('--input <file>', 'frames from a pcap or pcapng file; - is standard input'));
  add(new Option('--pktgen <spec>', 'generated frames: comma-separated key=value, see below').argParser(pktgen));
  add(new Option('--speed <speed>', 'of --input: max, original, or a factor').default('max').argParser(replaySpeed));
  add(new Option('--loop', 'start the capture over at its end'));
  add(new Option('--count <n>', 'at most this many frames').argParser(integer('--count', 1, Number.MAX_SAFE_INTEGER)));
  add(new Option('--duration <s>', 'stop receiving after this many seconds').argParser(positive('--duration')));

  group('What is done with it:');
  add(new Option('-c, --cpu <n>', 'redirect to this CPU; repeat it for more').argParser(cpuList('--cpu')));
  add(
    new Option('--prognum <n>', 'the XDP program by its number, see below').argParser(
      integer('--prognum', PROGNUMS[0]!, PROGNUMS.at(-1)!),
    ),
  );
  add(new Option('-p, --program-mode <mode>', 'the XDP program by its name (default: no-touch)').choices(MODES));
  add(
    new Option('--module <file#export>', 'your own XDP program: a module that exports a factory').argParser(userCode),
  );
  add(new Option('--obj <file>', 'your own XDP program: an object that clang compiled for BPF'));
  add(new Option('--prog <name>', 'of --obj: the program for the device'));
  add(new Option('--section <name>', 'of --obj: the section of the program for the device'));
  add(new Option('--remote-prog <name>', "of --obj: the program for the cpumap's entries"));
  add(
    new Option('--clamp-maps <n>', 'of --obj: maps that ask for more entries get this many').argParser(
      integer('--clamp-maps', 1, 0xffffffff),
    ),
  );
  add(
    new Option('-q, --qsize <n>', 'frames that wait for each CPU')
      .default(QSIZE_DEFAULT)
      .argParser(integer('--qsize', 1, CPUMAP_QSIZE_MAX)),
  );
  add(
    new Option('-r, --remote-action <action>', 'second program, on the remote CPU')
      .choices(['disabled', 'drop', 'pass', 'redirect'])
      .default('disabled'),
  );
  add(new Option('-D, --redirect-device <name>', 'of --remote-action redirect: the device that sends the frames'));
  add(new Option('-S, --skb-mode', 'generic XDP, behind the driver'));
  add(new Option('-x, --stress-mode', 'replace an entry with one of another size at each interval'));
  add(new Option('--handler <file#export>', 'your own packet handler on the remote CPUs').argParser(userCode));
  add(new Option('--output <file>', 'write what each CPU delivered to a pcapng file, one interface per CPU'));
  add(
    new Option(
      '--capture <hook:file[:filter]>',
      'write the frames that pass a hook to a pcapng file, see below; repeat it for more',
    ).argParser(captureOption),
  );

  group('The machine:');
  add(new Option('--cpus <n>', 'CPUs (default: as many as are named)').argParser(integer('--cpus', 1, NR_CPUS)));
  add(new Option('--rx-queues <n>', 'RX queues of the device').default(1).argParser(integer('--rx-queues', 1, 128)));
  add(
    new Option('--rx-ring <n>', 'descriptors of each RX ring')
      .default(RX_RING_DEFAULT)
      .argParser(integer('--rx-ring', 8, 8192)),
  );
  add(new Option('--mtu <n>', 'of the device').default(MTU_DEFAULT).argParser(integer('--mtu', MTU_MIN, MTU_MAX)));
  add(
    new Option('--rx-cpu <list>', "CPUs of the queues' interrupts, as in 0,1 (default: queue n on CPU n)").argParser(
      cpuList('--rx-cpu'),
    ),
  );
  add(new Option('--gro', 'merge segments of TCP connections on the remote CPUs (6.18)'));
  add(new Option('--rx-udp-gro-forwarding', 'of --gro: merge datagrams of UDP flows as well'));
  add(
    new Option('--rps-cpus <list>', 'CPUs that the remote CPUs hand flows on to, as in 2,3 (6.18)').argParser(
      cpuList('--rps-cpus'),
    ),
  );
  add(new Option('--release <r>', 'whose behaviour it shows').choices([...RELEASES]).default(DEFAULT_RELEASE));
  add(
    new Option('--executor <kind>', 'a thread for each CPU, or all in one on a virtual clock')
      .choices(['threads', 'virtual'])
      .default('threads'),
  );
  add(new Option('--bpf-engine <engine>', 'what runs bytecode').choices([...BPF_ENGINES]).default('jit'));
  add(new Option('--seed <n>', 'of the virtual schedule').default(1).argParser(integer('--seed', 0, 0xffffffff)));

  group('What is shown:');
  add(new Option('-i, --sec <s>', 'seconds between two tables').default(2).argParser(positive('--sec')));
  add(new Option('-s, --stats', 'a row for successful redirects'));
  add(new Option('-e, --extended', 'rows for errors by errno, second programs, waiting frames and the device'));
  add(new Option('--no-separators', 'numbers without thousands separators'));
  add(new Option('--dump-map <name>', 'of --obj: show the contents of this map at the end').argParser(listOf));
  add(new Option('--debug', 'print every trace event, and what programs print'));
  add(new Option('--json', 'one JSON object per interval and a summary at the end'));
  add(
    new Option(
      '--web [port]',
      'a page in the browser, with controls; without --duration it stays when all frames were sent (0: any free port)',
    )
      .preset(WEB_PORT_DEFAULT)
      .argParser(integer('--web', 0, 65_535)),
  );
  add(
    new Option('--host <address>', 'of --web: where it listens; others than loopback need the token that is printed'),
  );
  add(
    new Option(
      '--otlp <url>',
      'send the counters to an OpenTelemetry collector every 10 s, as in http://localhost:4318',
    ).argParser(otlpEndpoint),
  );
  add(new Option('--allow-control', 'of --web with --backend linux: the page may change the program and the entries'));
  command.addHelpText('after', `\nPrograms:\n${programList}\n\nKeys of --pktgen (default):\n${pktgenList}\n`);
  command.addHelpText('after', CAPTURE_HELP);
  command.addHelpText(
    'after',
    'Exit codes: 0 ok, 1 failure, 2 wrong option, 3 XDP, 4 BPF, 5 memory. SIGINT and SIGTERM end it with the summary.',
  );
  return command;
}

function objectOf({ obj: object, prog, section, remoteProg, clampMaps }: OptionValues): UserObject | undefined {
  return object === undefined ? undefined : { object, prog, section, remoteProg, clampMaps };
}

/**
 * The settings that the options of a run describe; `isWritten` tells options from defaults.
 * @throws CommandError with exit code 2, its message for the user
 */
export function settingsOf(o: OptionValues, isWritten: (name: string) => boolean): Settings {
  const remoteCpus: readonly number[] = o.cpu ?? [];
  const rxCpus: readonly number[] | undefined = o.rxCpu;
  const rpsCpus: readonly number[] = o.rpsCpus ?? [];
  const cpus: number = o.cpus ?? Math.max(...remoteCpus, ...(rxCpus ?? [0]), ...rpsCpus, 0) + 1;
  if (remoteCpus.length === 0) refuse('no CPU to redirect to: give --cpu N, once for each');
  if (o.backend === 'engine') checkEngine(o, remoteCpus, cpus);
  else {
    const why = whyNotOnLinux(isWritten);
    if (why !== undefined) refuse(why);
  }
  checkTogether(o);
  const builtIn = BUILT_IN_PROGRAMS.find(
    ({ prognum, mode }) => prognum === (o.prognum ?? -1) || mode === o.programMode,
  );
  return {
    backend: o.backend,
    force: o.force ?? false,
    dev: o.dev,
    remoteCpus,
    cpus,
    program: o.module ?? objectOf(o) ?? (builtIn ?? BUILT_IN_PROGRAMS[0]!).name,
    bpfEngine: o.bpfEngine,
    remoteAction: o.remoteAction,
    redirectDevice: o.redirectDevice,
    qsize: o.qsize,
    intervalSeconds: o.sec,
    generic: o.skbMode ?? false,
    stress: o.stressMode ?? false,
    separators: o.separators,
    debug: o.debug ?? false,
    success: o.stats ?? false,
    extended: o.extended ?? false,
    input: o.input,
    pktgen: o.pktgen,
    speed: o.speed,
    loop: o.loop ?? false,
    count: o.count,
    durationSeconds: o.duration,
    rxQueues: o.rxQueues,
    rxRing: o.rxRing,
    mtu: o.mtu,
    rxCpus,
    gro: o.gro ?? false,
    rxUdpGroForwarding: o.rxUdpGroForwarding ?? false,
    rpsCpus,
    release: o.release,
    executor: o.executor,
    seed: o.seed,
    output: o.output,
    captures: o.capture ?? [],
    handler: o.handler,
    json: o.json ?? false,
    dumpMaps: o.dumpMap ?? [],
    otlp: o.otlp,
    web:
      o.web === undefined
        ? undefined
        : { port: o.web, host: o.host ?? WEB_HOST_DEFAULT, allowControl: o.allowControl ?? false },
  };
}
