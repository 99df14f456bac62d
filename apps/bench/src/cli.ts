#!/usr/bin/env node
/** The command cpumap-bench: runs suites one after the other and prints tables or JSON; compares commits; writes READMEs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareCommits } from './compare.ts';
import { SUITES } from './index.ts';
import { kernelChild } from './kernel/child.ts';
import { KERNEL_CHILD } from './kernel/kernel-side.ts';
import { MEMORY_CHILD, memoryChild } from './memory.ts';
import { machineName, machineText } from './report/machine.ts';
import { plotsBeside, type Report, withSpeedSection } from './report/readme.ts';
import { svgOf } from './report/svg.ts';
import { tableOf } from './report/table.ts';
import type { SuiteOptions, SuiteResult } from './suite.ts';

const USAGE = `cpumap-bench [SUITE ...] [--smoke] [--frames N] [--rounds N] [--json] [--out FOLDER]
cpumap-bench compare A B [SUITE ...] [--rounds N]
cpumap-bench readme RESULTS.json README.md

${SUITES.map(({ name, what }) => `  ${name.padEnd(12)} ${what}`).join('\n')}

  --smoke       a few seconds in all: is everything right? The figures mean nothing
  --frames N    frames in each round of the suites that move frames
  --rounds N    rounds of each suite that has rounds
  --json        one JSON object instead of tables
  --out FOLDER  writes results.json and plots as SVG files there

  compare       builds two commits and measures them in turn; a verdict only where the intervals do not overlap
  readme        writes the table and plots of a run into a README, between its marks; draws the plots anew
`;

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`--${name} takes a whole number above 0, not '${text}'`);
}

function checkSuites(names: readonly string[]): void {
  const unknown = names.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown === undefined) return;
  throw new TypeError(`no suite '${unknown}': there are ${SUITES.map(({ name }) => name).join(', ')}`);
}

async function measure(names: readonly string[], options: SuiteOptions, say: (text: string) => void): Promise<Report> {
  const machine = machineName();
  say(`${machineText(machine)}\n\n`);
  const results: SuiteResult[] = [];
  for (const suite of SUITES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    say(`${suite.name}: ${suite.what}\n`);
    const measured = await suite.run(options);
    results.push({ suite: suite.name, what: suite.what, ...measured });
    say(`${tableOf(measured)}\n\n`);
  }
  return { machine, smoke: options.smoke, results };
}

function write(folder: string, report: Report): void {
  const json = join(folder, 'results.json');
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  writePlots(plotsBeside(json), report);
}

function writePlots(plots: string, report: Report): void {
  mkdirSync(plots, { recursive: true });
  for (const plot of report.results.flatMap(({ plots: drawn = [] }) => drawn)) {
    writeFileSync(join(plots, `${plot.name}.svg`), svgOf(plot));
  }
}

/** A run's JSON. @throws TypeError for what is none */
function readReport(json: string): Report {
  let report: Partial<Report>;
  try {
    report = JSON.parse(readFileSync(json, 'utf8')) as Partial<Report>;
  } catch (error) {
    throw new TypeError(`${json}: ${(error as Error).message}`);
  }
  if (!Array.isArray(report?.results) || report.machine === undefined) {
    throw new TypeError(`${json} is not what --json or --out wrote`);
  }
  return report as Report;
}

function writeReadme(json: string | undefined, readme: string | undefined): void {
  if (json === undefined || readme === undefined) throw new TypeError('readme takes RESULTS.json and README.md');
  const report = readReport(json);
  if (!existsSync(readme)) throw new TypeError(`${readme}: there is no such file`);
  const plots = plotsBeside(json);
  writeFileSync(readme, withSpeedSection(readFileSync(readme, 'utf8'), report, { readme, plots }));
  writePlots(plots, report);
}

/** Before anything is measured, so that nothing is measured in vain. @throws TypeError */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new TypeError(`--out ${folder}: ${(error as Error).message}`);
  }
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === MEMORY_CHILD) return memoryChild(Number(args[1]));
  if (args[0] === KERNEL_CHILD) return kernelChild();
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      smoke: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      frames: { type: 'string' },
      rounds: { type: 'string' },
      out: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const say = (text: string): void => void process.stdout.write(text);
  const rounds = count('rounds', values.rounds);
  if (positionals[0] === 'readme') return writeReadme(positionals[1], positionals[2]);
  if (positionals[0] === 'compare') {
    const [, a, b, ...suites] = positionals;
    if (a === undefined || b === undefined) throw new TypeError('compare takes two commits');
    checkSuites(suites);
    return compareCommits({
      commits: [a, b],
      suites,
      rounds: rounds ?? 5,
      smoke: values.smoke,
      say: (line) => say(`${line}\n`),
    });
  }
  checkSuites(positionals);
  if (values.out !== undefined) makeFolder(values.out);
  const options = { smoke: values.smoke, frames: count('frames', values.frames), rounds };
  const report = await measure(positionals, options, values.json ? () => undefined : say);
  if (values.json) say(`${JSON.stringify(report, null, 2)}\n`);
  if (values.out !== undefined) write(values.out, report);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof TypeError;
  process.stderr.write(`cpumap-bench: ${usage ? error.message : (error as Error).stack}\n`);
  process.exitCode = usage ? 2 : 1;
}
