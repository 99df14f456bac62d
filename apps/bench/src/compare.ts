/**
 * `compare A B`: two commits of the project measured in turn. Each is checked out and built in a folder of its own; a round
 * of A, a round of B, and so on, in processes of their own. A figure has a verdict only where the two intervals, smallest
 * to largest, do not overlap.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
}

/** A commit in a folder, built. @throws Error when git or the build fails */
function checkOut(commit: string, root: string): Checkout {
  const hash = run('git', ['rev-parse', '--short', `${commit}^{commit}`], process.cwd()).trim();
  const folder = join(root, hash);
  run('git', ['worktree', 'add', '--detach', '--force', folder, hash], process.cwd());
  run('npx', ['--yes', 'pnpm@10.34.9', 'install', '--frozen-lockfile'], folder);
  run(
    'npx',
    ['--yes', 'pnpm@10.34.9', 'exec', 'turbo', 'run', 'build', '--filter=@cpumap/bench', '--output-logs=errors-only'],
    folder,
  );
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
    const sides = commits.map((commit) => checkOut(commit, root));
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
      say(`${figure}: A ${show(left)}, B ${show(right)}${ratio}: ${verdictOf(left, right)}`);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
    run('git', ['worktree', 'prune'], process.cwd());
  }
}
