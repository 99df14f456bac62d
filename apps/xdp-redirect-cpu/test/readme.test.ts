import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { runCommand, summaryOf } from './support/command.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const read = (path: string): string => readFileSync(here(path), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'xdp-redirect-cpu-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The first block of code in a README that holds `mark`. */
function codeBlock(readme: string, mark: string): string {
  const blocks = [...readme.matchAll(/```[a-z]*\n(.*?)```/gs)].map(([, code]) => code!);
  const found = blocks.find((code) => code.includes(mark));
  if (found === undefined) throw new Error(`no example with ${mark}`);
  return found;
}

/** Runs code as a module of a project that has this package and its dependencies installed. */
function runModule(code: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '--eval', code];
    execFile(process.execPath, args, { cwd: here('..') }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}

it("the project's first example of the library runs", async () => {
  const printed = await runModule(codeBlock(read('../../../README.md'), "from '@cpumap/host'"));
  const [delivered, balanced] = printed.trim().split(' ');
  expect(Number(delivered)).toBeGreaterThan(0);
  expect(balanced).toBe('true');
});

it('the command runs from code as the README says', async () => {
  const printed = await runModule(codeBlock(read('../README.md'), "from 'xdp-redirect-cpu'"));
  expect(JSON.parse(printed.trim().split('\n').at(-1)!).rx.packets).toBe(100_000);
});

it("the README's own program runs", async () => {
  const code = codeBlock(read('../README.md'), 'everyOther');
  writeFileSync(join(scratch, 'every-other.mjs'), code);
  const module = join(scratch, 'every-other.mjs#everyOther');
  const finished = await runCommand(['--module', module, '--pktgen', '', '--count', '1000', '--cpu', '1', '--json']);
  expect(summaryOf(finished).xdp).toMatchObject({ drop: 500, redirect: 500 });
});

it('the README names every option, and no other', async () => {
  const scenarios = ['ddos', 'imbalance', 'autoscale'].map((name) => ['scenario', name]);
  const commands = [[], ['doctor'], ['explain'], ['inspect'], ['disasm'], ['verify'], ['test-run'], ...scenarios];
  const helps = await Promise.all(commands.map((command) => runCommand([...command, '--help'])));
  const help = helps.map(({ stdout }) => stdout).join();
  const options = (text: string): Set<string> => new Set(text.match(/--[a-z][a-z-]+/g));
  const known = options(help);
  known.delete('--help');
  expect(options(read('../README.md'))).toEqual(known);
});
