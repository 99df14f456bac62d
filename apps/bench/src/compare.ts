/**
 * `compare A B`: two commits of the project measured in turn. Each is checked out and built in a folder of its own; a round
 * of A, a round of B, and so on, in processes of their own. A figure has a verdict only where the two intervals, smallest
 * to largest, do not overlap.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Report } from './report/readme.ts';
import { digits } from './report/table.ts';
import { type Spread, spreadOf } from './stats.ts';

export interface CompareOptions {
  readonly commits: readonly [string, string];
  readonly suites: readonly string[];
  /** Of each commit. */
  readonly rounds: number;
  readonly smoke: boolean;
  readonly say: (line: string) => void;
}

interface Checkout {
  readonly commit: string;
  readonly folder: string;
}

/** In a folder, with the tools that were installed there first in the path: turbo starts pnpm by its name. */
function run(command: string, args: readonly string[], cwd: string): string {
  const env = { ...process.env, PATH: `${join(cwd, 'node_modules', '.bin')}${delimiter}${process.env.PATH}` };
  return execFileSync(command, args, {
    env,
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
}

/** With fewer the interval is luck. */
const LEAST_ROUNDS = 3;

/** What installs a commit's packages; it brings the rest itself. */
const PNPM = 'pnpm@10.34.9';

/** A commit in a folder, built. @throws TypeError for no commit, Error when the build fails */
function checkOut(commit: string, root: string, name: string): Checkout {
  let hash: string;
  try {
    hash = run('git', ['rev-parse', '--verify', '--short', `${commit}^{commit}`], process.cwd()).trim();
  } catch {
    throw new TypeError(`compare: git knows no commit '${commit}' here`);
  }
  const folder = join(root, name);
  run('git', ['worktree', 'add', '--detach', folder, hash], process.cwd());
  run('npx', ['--yes', PNPM, 'install', '--frozen-lockfile'], folder);
  run('turbo', ['run', 'build', '--filter=@cpumap/bench', '--output-logs=errors-only'], folder);
  return { commit, folder };
}

/** Medians of one round of a commit, by suite and figure. */
function measure({ folder }: Checkout, suites: readonly string[], smoke: boolean): Map<string, number> {
  const args = ['apps/bench/dist/cli.js', ...suites, '--json', ...(smoke ? ['--smoke'] : ['--rounds', '1'])];
  const { results } = JSON.parse(run(process.execPath, args, folder)) as Report;
  return new Map(
    results.flatMap(({ suite, figures }) => {
      let owner = '';
      return figures.map(({ name, median }) => {
        if (!name.startsWith('  ')) owner = name;
        return [`${suite}: ${name === owner ? name : `${owner},${name.replace(/^ +/, ' ')}`}`, median] as const;
      });
    }),
  );
}

/** What two spreads say: the ratio of medians, and which is larger where that is certain. */
export function verdictOf(a: Spread, b: Spread): string {
  if (b.min > a.max) return 'B is larger';
  if (b.max < a.min) return 'B is smaller';
  return 'no difference that these rounds can show';
}

export function compareCommits({ commits, suites, rounds, smoke, say }: CompareOptions): void {
  const root = mkdtempSync(join(tmpdir(), 'cpumap-compare-'));
  try {
    const sides = commits.map((commit, i) => checkOut(commit, root, 'AB'[i]!));
    const measured = sides.map(() => new Map<string, number[]>());
    for (let round = 0; round < rounds; round++) {
      for (const [i, side] of sides.entries()) {
        for (const [figure, value] of measure(side, suites, smoke)) {
          measured[i]!.set(figure, [...(measured[i]!.get(figure) ?? []), value]);
        }
      }
    }
    const [a, b] = measured as [Map<string, number[]>, Map<string, number[]>];
    for (const [figure, values] of a) {
      const others = b.get(figure);
      if (others === undefined) {
        say(`${figure}: only in ${commits[0]}`);
        continue;
      }
      const [left, right] = [spreadOf(values), spreadOf(others)];
      const show = ({ min, median, max }: Spread): string => `${digits(median)} (${digits(min)} - ${digits(max)})`;
      const ratio = left.median === 0 ? '' : `, B / A ${(right.median / left.median).toFixed(2)}`;
      say(
        `${figure}: A ${show(left)}, B ${show(right)}${ratio}: ${rounds < LEAST_ROUNDS ? 'too few rounds for a verdict' : verdictOf(left, right)}`,
      );
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
    run('git', ['worktree', 'prune'], process.cwd());
  }
}
