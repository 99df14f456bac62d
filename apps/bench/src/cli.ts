#!/usr/bin/env node
/** The command cpumap-bench: runs suites one after the other and prints a table, or JSON. */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { SUITES } from './index.ts';
import { memoryChild } from './memory.ts';
import type { Figure, SuiteResult } from './suite.ts';

const USAGE = `cpumap-bench [SUITE ...] [--smoke] [--frames N] [--rounds N] [--json]

${SUITES.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')}

  --smoke     a few seconds in all: is everything right? The figures mean nothing
  --frames N  frames in each round of the suites that move frames
  --rounds N  rounds of each suite that has rounds
  --json      one JSON object instead of tables
`;

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`--${name} takes a whole number above 0, not '${text}'`);
}

function row({ name, unit, min, median, max }: Figure): string {
  const number = (value: number): string => value.toFixed(value !== 0 && Math.abs(value) < 100 ? 2 : 0).padStart(10);
  return `  ${name.padEnd(16)}${number(median)}  (${number(min).trim()} - ${number(max).trim()}) ${unit}`;
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === 'memory-child') return memoryChild(Number(args[1]));
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      smoke: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      frames: { type: 'string' },
      rounds: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const unknown = positionals.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown !== undefined)
    throw new TypeError(`no suite '${unknown}': there are ${SUITES.map(({ name }) => name).join(', ')}`);
  const options = {
    smoke: values.smoke,
    frames: count('frames', values.frames),
    rounds: count('rounds', values.rounds),
  };
  const results: SuiteResult[] = [];
  for (const suite of SUITES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    if (!values.json) process.stdout.write(`${suite.name}: ${suite.what}\n`);
    const figures = await suite.run(options);
    results.push({ suite: suite.name, what: suite.what, figures });
    if (!values.json) process.stdout.write(`${figures.map(row).join('\n')}\n\n`);
  }
  const machine = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model,
    cpus: cpus().length,
  };
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, smoke: values.smoke, results }, null, 2)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof TypeError;
  process.stderr.write(`cpumap-bench: ${usage ? error.message : (error as Error).stack}\n`);
  process.exitCode = usage ? 2 : 1;
}
