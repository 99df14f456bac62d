import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { percentile, SUITES, spreadOf } from '../src/index.ts';
import type { Report } from '../src/report/readme.ts';

const PACKAGE = fileURLToPath(new URL('../package.json', import.meta.url));
const COMMAND = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

function bench(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [COMMAND, ...args]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

describe('the command', () => {
  it('runs every suite, each correct before it is timed', async () => {
    const { code, stdout, stderr } = await bench('--smoke', '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { results, smoke, machine } = JSON.parse(stdout) as Report;
    expect(smoke).toBe(true);
    expect(machine.node).toBe(process.version);
    expect(results.map(({ suite }) => suite)).toEqual(SUITES.map(({ name }) => name));
    for (const { figures } of results) {
      for (const { min, median, max } of figures) {
        expect(min).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(max);
      }
    }
    // where the kernel cannot be measured that is said, and the engine's figures are there all the same
    for (const name of ['datapath', 'datapath-lb', 'deliver', 'wakeup', 'program']) {
      const { figures, skipped } = results.find(({ suite }) => suite === name)!;
      const kernel = figures.filter((figure) => figure.name === '  the kernel');
      const why = skipped?.filter((text) => text.startsWith('the kernel: ')) ?? [];
      expect(kernel.length > 0 ? why : kernel).toEqual([]);
      expect(kernel.length + why.length).toBeGreaterThan(0);
      expect(figures[0]!.min).toBeGreaterThan(0);
    }
  });

  it('prints a line for each figure of the suites that were named', async () => {
    const { code, stdout } = await bench('deliver', '--smoke');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^deliver: 64-byte frames/m);
    expect(stdout).toMatch(/^ {2}received\s+\d+\.\d\d {2}\(\S+ - \S+\) M frames\/s$/m);
    expect(stdout).not.toContain('footprint');
  });

  it.each([
    [['nothing'], /no suite 'nothing': there are datapath, datapath-lb, deliver/],
    [['--rounds', '0'], /--rounds takes a whole number above 0/],
    [['--frobnicate'], /--frobnicate/],
    [['compare', 'HEAD'], /compare takes two commits/],
    [['compare', 'HEAD', 'HEAD~1', 'nothing'], /no suite 'nothing'/],
    [['compare', 'no-such-commit', 'HEAD'], /git knows no commit 'no-such-commit' here/],
    [['readme', 'results.json'], /readme takes RESULTS.json and README.md/],
    [['readme', 'no-such.json', 'README.md'], /no-such.json: ENOENT/],
    [['readme', PACKAGE, 'README.md'], /package.json is not what --json or --out wrote/],
    [['start', '--smoke', '--out', `${PACKAGE}/below`], /--out .*package.json.below: ENOTDIR/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await bench(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe('spreadOf', () => {
  it.each([
    [[3], { min: 3, median: 3, max: 3 }],
    [[5, 1, 3], { min: 1, median: 3, max: 5 }],
    [[4, 1, 3, 10], { min: 1, median: 3.5, max: 10 }],
  ])('%j', (values, spread) => expect(spreadOf(values)).toEqual(spread));

  it.each([
    [50, 3],
    [99, 5],
    [1, 1],
    [100, 5],
    [40, 2],
  ])('the %i th percentile', (percent, value) => expect(percentile([5, 3, 1, 4, 2], percent)).toBe(value));

  it('of nothing is an error', () => expect(() => spreadOf([])).toThrow(/nothing was measured/));
});
