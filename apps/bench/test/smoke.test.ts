import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SUITES, spreadOf } from '../src/index.ts';

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
    expect(code).toBe(0);
    // where the kernel cannot be measured, that is said and nothing else
    expect(stderr).toMatch(/^(cpumap-bench: program: without the kernel beside it: [^\n]+\n)?$/);
    const { results, smoke, machine } = JSON.parse(stdout);
    expect(smoke).toBe(true);
    expect(machine.node).toBe(process.version);
    expect(results.map(({ suite }: { suite: string }) => suite)).toEqual(SUITES.map(({ name }) => name));
    for (const { figures } of results) {
      for (const { min, median, max } of figures) {
        expect(min).toBeLessThanOrEqual(median);
        expect(median).toBeLessThanOrEqual(max);
      }
    }
    const deliver = results.find(({ suite }: { suite: string }) => suite === 'deliver');
    const [delivered] = deliver.figures.filter(({ name }: { name: string }) => name === 'delivered');
    expect(delivered.min).toBeGreaterThan(0);
  });

  it('prints a line for each figure of the suites that were named', async () => {
    const { code, stdout } = await bench('deliver', '--smoke');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^deliver: pktgen/);
    expect(stdout).toMatch(/^ {2}received\s+\d+\.\d\d {2}\(\S+ - \S+\) M frames\/s$/m);
    expect(stdout).not.toContain('footprint');
  });

  it.each([
    [['nothing'], /no suite 'nothing': there are program, deliver/],
    [['--rounds', '0'], /--rounds takes a whole number above 0/],
    [['--frobnicate'], /--frobnicate/],
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

  it('of nothing is an error', () => expect(() => spreadOf([])).toThrow(/nothing was measured/));
});
