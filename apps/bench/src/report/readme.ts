/**
 * The speed section of a README, rendered from a run's JSON: a table of the figures that people ask for and the plots,
 * between two marks. What lies outside the marks stays as it is.
 */
import { basename, dirname, join, relative } from 'node:path';
import type { Figure, SuiteResult } from '../suite.ts';
import { type MachineName, machineText } from './machine.ts';
import { digits } from './table.ts';

export interface Report {
  readonly machine: MachineName;
  readonly smoke: boolean;
  readonly results: readonly SuiteResult[];
}

const BEGIN = '<!-- bench:begin: written by `npm run bench -- readme`, not by hand -->';
const END = '<!-- bench:end -->';

/** A row per figure: the suite, which of its figures, and what it is called there. */
const ROWS: readonly (readonly [suite: string, figure: string, text: string])[] = [
  ['datapath', 'taken over', 'redirected by no-touch, taken over and dropped by the second program'],
  ['datapath-lb', 'taken over', 'the same by l4-hash over 4,096 senders'],
  ['deliver', 'taken over', 'made sk_buffs and handed to a handler (kernel: to its stack, which does more)'],
  ['program', 'no-touch', 'one run of no-touch'],
  ['program', 'l4-hash', 'one run of l4-hash'],
  ['wakeup', 'p50', 'waking a sleeping remote CPU, median'],
  ['wakeup', 'p99', 'waking a sleeping remote CPU, 99 %'],
  ['ring', 'ptr_ring', 'pointers from thread to thread (beside: ringbuf.js)'],
  ['map-update', 'update', "an update of a kernel's map through package linux (beside: from C)"],
  ['replay', 'delivered', 'a capture from its file to delivery'],
  ['start', 'first line', 'the command, to its first line'],
];

const cell = ({ min, median, max }: Figure): string => `${digits(median)} (${digits(min)} - ${digits(max)})`;

function tableRow({ figures }: SuiteResult, name: string, text: string): string | undefined {
  const at = figures.findIndex((figure) => figure.name === name);
  const own = figures[at];
  if (own === undefined) return undefined;
  // a peer and the ratio follow their figure, indented
  const [peer, ratio] = [figures[at + 1], figures[at + 2]].map((next) =>
    next?.name.startsWith('  ') ? next : undefined,
  );
  return `| ${text} | ${own.unit} | ${cell(own)} | ${peer ? cell(peer) : ''} | ${peer && ratio ? cell(ratio) : ''} |`;
}

/** The section's lines; `plots` is the folder of pictures as the README's links see it. */
function speedSection({ machine, results }: Report, plots: string): string[] {
  const rows = ROWS.flatMap(([suite, name, text]) => {
    const result = results.find((one) => one.suite === suite);
    const line = result && tableRow(result, name, text);
    return line === undefined ? [] : [line];
  });
  const pictures = results
    .flatMap(({ plots: drawn = [] }) => drawn)
    .filter(({ kind }) => kind === 'bars')
    .map(({ name, title }) => `![${title}](${plots}/${name}.svg)`);
  return [
    `On ${machineText(machine)}.`,
    'Median (smallest - largest) of rounds, engine and peer in turn; the ratio is of neighbouring rounds. Tracepoint counters',
    'were on, on both sides. What is measured and how: [bench](apps/bench).',
    '',
    '| what | unit | engine | kernel or peer | ratio |',
    '|---|---|---|---|---|',
    ...rows,
    ...pictures.flatMap((picture) => ['', picture]),
    '',
    `How the rate depends on CPUs, flows, entries, rings, frames and polls: [plots](${plots}).`,
  ];
}

/** A README with its section written anew. @throws TypeError when it has no place for one, or the run was a smoke test */
export function withSpeedSection(readme: string, report: Report, file: { readme: string; plots: string }): string {
  if (report.smoke) throw new TypeError('these are figures of --smoke, which mean nothing');
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new TypeError(`${basename(file.readme)} has no place for the table: it needs the lines ${BEGIN} and ${END}`);
  }
  const plots = relative(dirname(file.readme), file.plots).split('\\').join('/');
  const section = speedSection(report, plots).join('\n');
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${readme.slice(end)}`;
}

/** Where the pictures of a run lie beside its JSON. */
export const plotsBeside = (json: string): string => join(dirname(json), 'plots');
