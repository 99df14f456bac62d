/** One random program on two subjects: whether both take it and why not, and what it does to the same frames and maps. */
import { isDeepStrictEqual } from 'node:util';
import type { MapSpec } from '@cpumap/bpf';
import { BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import type { Answer } from '../answer.ts';
import { words } from '../cases/bytes.ts';
import { contentsOf } from '../cases/elements.ts';
import { frame } from '../cases/frames.ts';
import { shownRun } from '../cases/run.ts';
import type { Subject, SubjectMap, SubjectProgram } from '../subject.ts';
import { randomXdpProgram } from './random-xdp.ts';
import { VALUE_SIZE } from './statements.ts';

const T = BPF_MAP_TYPE;
const SPECS: Readonly<Record<string, MapSpec>> = {
  state: { type: T.ARRAY, keySize: 4, valueSize: VALUE_SIZE, maxEntries: 4 },
  table: { type: T.HASH, keySize: 4, valueSize: VALUE_SIZE, maxEntries: 6 },
  cpus: { type: T.CPUMAP, keySize: 4, valueSize: 8, maxEntries: 4 },
};
const FRAMES = [14, 20, 60, 90, 300].map((length) => ({ data: frame(length), ctx: { data_end: length } }));

interface ProgramResult {
  /** 'ok', or the errno with the verifier's last sentence. */
  readonly load: Answer;
  readonly runs: Answer;
}

/** The maps stay from program to program: making a cpumap's entries anew would be most of the time. */
export function randomProgramMaps(subject: Subject): Readonly<Record<string, SubjectMap>> {
  const maps = Object.fromEntries(Object.entries(SPECS).map(([name, spec]) => [name, subject.createMap(spec)]));
  maps.cpus!.update(1, words(64, 0));
  return maps;
}

/** The line before the statistics, which the log ends with. */
function verdictOf(log: string): string {
  const lines = log
    .split('\n')
    .filter((line) => line !== '' && !/^(processed|verification time|stack depth) /.test(line));
  return lines.at(-1) ?? '';
}

async function resultOf(
  subject: Subject,
  maps: Readonly<Record<string, SubjectMap>>,
  text: string,
): Promise<ProgramResult> {
  let program: SubjectProgram;
  try {
    program = await subject.loadProgram({ text, maps });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const log = 'log' in error && typeof error.log === 'string' ? error.log : '';
    return { load: { errno: error.code, verdict: verdictOf(log) }, runs: [] };
  }
  for (const key of [0, 1, 2, 3]) maps.state!.update(key, new Uint8Array(VALUE_SIZE).fill(key * 17 + 1));
  for (const key of [...maps.table!.keys()]) maps.table!.delete(key);
  const runs: Answer[] = [];
  for (const options of FRAMES) runs.push(await shownRun(program, options));
  return { load: 'ok', runs: [runs, contentsOf(maps.state!, true), contentsOf(maps.table!, false)] };
}

type Verdict = 'accepted' | 'refused' | 'load differs' | 'verdict differs' | 'run differs';

export interface ProgramComparison {
  readonly seed: number;
  readonly verdict: Verdict;
  readonly results: readonly [ProgramResult, ProgramResult];
}

export interface RandomSide {
  readonly subject: Subject;
  readonly maps: Readonly<Record<string, SubjectMap>>;
}

/** What both did with the program of a seed. */
export async function compareProgram(
  [left, right]: readonly [RandomSide, RandomSide],
  seed: number,
): Promise<ProgramComparison> {
  const text = randomXdpProgram(seed);
  const results = [
    await resultOf(left.subject, left.maps, text),
    await resultOf(right.subject, right.maps, text),
  ] as const;
  for (const { subject } of [left, right]) subject.clear();
  return { seed, verdict: verdictOfBoth(...results), results };
}

function verdictOfBoth(a: ProgramResult, b: ProgramResult): Verdict {
  if (a.load === 'ok' && b.load === 'ok') return isDeepStrictEqual(a.runs, b.runs) ? 'accepted' : 'run differs';
  if (a.load === 'ok' || b.load === 'ok') return 'load differs';
  if (isDeepStrictEqual(a.load, b.load)) return 'refused';
  return 'verdict differs';
}
