/** The command line of `explain`: one frame, and of a run's options those that choose frames, machine and programs. */
import { Command, Option } from 'commander';
import { describeRun, integer, settingsOf } from '../options.ts';
import type { Settings } from '../settings.ts';

export interface ExplainOptions {
  /** Of the machine: virtual, and its bytecode interpreted. */
  readonly settings: Settings;
  /** From 1. */
  readonly frame: number;
  readonly json: boolean;
}

const FROM_RUN: readonly string[] = [
  ...[
    'input',
    'pktgen',
    'cpu',
    'prognum',
    'programMode',
    'module',
    'obj',
    'prog',
    'section',
    'remoteProg',
    'clampMaps',
  ],
  ...[
    'qsize',
    'remoteAction',
    'redirectDevice',
    'skbMode',
    'cpus',
    'rxQueues',
    'rxRing',
    'mtu',
    'rxCpu',
    'release',
    'seed',
  ],
];

export function describeExplain(chosen: (options: ExplainOptions) => void): Command {
  const run = describeRun();
  const command = new Command('explain')
    .description(
      'every step of one frame: its queue, the way through the program, the ring, the remote CPU, the sk_buff',
    )
    .configureHelp({ helpWidth: 110 })
    .allowExcessArguments(false)
    .addOption(
      new Option('--frame <n>', 'which frame, the first is 1; those before it are received first')
        .default(1)
        .argParser(integer('--frame', 1, Number.MAX_SAFE_INTEGER)),
    )
    .option('--json', 'one JSON object');
  for (const option of run.options) if (FROM_RUN.includes(option.attributeName())) command.addOption(option);
  return command.action(() => {
    const { frame, json = false, ...written } = command.opts();
    const options = { ...run.opts(), ...written, executor: 'virtual', bpfEngine: 'interp' };
    chosen({ settings: settingsOf(options, () => false), frame, json });
  });
}
