/** `test-run FILE PROG`: an XDP program on frames, one after the other on one CPU, without carrying verdicts out. */
import type { BpfEngine, CollectionSpec } from '@cpumap/bpf';
import { createHost, type Host } from '@cpumap/host';
import { KernelError, xdpActionName } from '@cpumap/uapi';
import { alignColumns } from './columns.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { readFrames } from './input.ts';
import { dumpLines } from './map-dump.ts';
import { addCpus, mapsToDump, memoryFor, openCollection } from './object-collection.ts';
import { openObject } from './object-file.ts';
import type { RunOutputs } from './screen.ts';

export interface TestRunCommandOptions {
  readonly file: string;
  readonly program: string;
  /** A frame; or a capture file to take frames from. */
  readonly data: Uint8Array | undefined;
  readonly input: string | undefined;
  readonly repeat: number;
  /** CPUs that the cpumap has entries for. */
  readonly remoteCpus: readonly number[];
  readonly qsize: number;
  readonly dumpMaps: readonly string[];
  readonly bpfEngine: BpfEngine;
}

interface Outcome {
  readonly retval: number;
  readonly data: Uint8Array;
  readonly durationNs: number;
  readonly fault?: string;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const row = (name: string, value: string): string => `  ${name.padEnd(14)}: ${value}`;

function outcomeLines(outcomes: readonly Outcome[], { program, repeat, data }: TestRunCommandOptions): string[] {
  const verdicts = new Map<string, number>();
  for (const { retval } of outcomes)
    verdicts.set(xdpActionName(retval), (verdicts.get(xdpActionName(retval)) ?? 0) + 1);
  const cells = [...verdicts].sort(([, a], [, b]) => b - a).map(([name, n]) => [`  ${name}`, String(n)]);
  const ns = outcomes.reduce((sum, { durationNs }) => sum + durationNs, 0) / outcomes.length;
  const faults = new Set(outcomes.flatMap(({ fault }) => fault ?? []));
  const [first] = outcomes;
  const result =
    data === undefined
      ? alignColumns(cells, 1)
      : [
          row('return value', `${first!.retval} (${xdpActionName(first!.retval)})`),
          row('data out', `${first!.data.length} bytes`),
          `  ${Buffer.from(first!.data).toString('hex')}`,
        ];
  return [
    `${program}: ${count(outcomes.length, 'frame')}${repeat === 1 ? '' : `, ${repeat} runs each`}`,
    ...result,
    row('time', `${ns.toFixed(0)} ns per run`),
    ...[...faults].map((fault) => row('ended early', fault)),
  ];
}

async function runAll(host: Host, spec: CollectionSpec, options: TestRunCommandOptions): Promise<string[]> {
  const { program, remoteCpus, qsize, repeat, data, input, dumpMaps } = options;
  const frames = data === undefined ? readFrames(input!) : [data];
  const collection = await openCollection(host, spec, { program, programs: [program], remoteCpus });
  const dumps = mapsToDump(collection, dumpMaps);
  if (collection.cpuMap !== undefined && remoteCpus.length > 0) {
    addCpus(collection.cpuMap, collection.maps, remoteCpus, { qsize, program: 0 });
  }
  const loaded = collection.programs.get(program)!;
  const outcomes: Outcome[] = [];
  const refused: KernelError[] = [];
  for (const frame of frames) {
    try {
      outcomes.push(await host.testRun(loaded, { data: frame, repeat }));
    } catch (error) {
      // a frame that is too short or too long for one page is no reason to leave the others
      if (!(error instanceof KernelError)) throw error;
      refused.push(error);
    }
  }
  if (outcomes.length === 0) throw refused[0]!;
  return [
    ...collection.notes.map((note) => `note: ${note}`),
    ...outcomeLines(outcomes, options),
    ...(refused.length === 0 ? [] : [row('not run', `${count(refused.length, 'frame')}: ${refused[0]!.message}`)]),
    ...dumps.flatMap((map) => ['', ...dumpLines(spec, map, true)]),
  ];
}

export async function testRun(options: TestRunCommandOptions, { out, err }: RunOutputs): Promise<ExitCode> {
  const { file, remoteCpus, bpfEngine } = options;
  const spec = openObject(file);
  const cpus = Math.max(...remoteCpus, 0) + 1;
  const host = await createHost({
    cpus,
    executor: 'virtual',
    bpfEngine,
    memoryBytes: memoryFor(spec, cpus),
    onPrintk: (text) => void err.write(`bpf_trace_printk: ${text}\n`),
  });
  try {
    out.write(`${(await runAll(host, spec, options)).join('\n')}\n`);
    return EXIT.OK;
  } finally {
    await host.close();
  }
}
