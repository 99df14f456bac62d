/** The guide says what is so: its examples run and print what it shows, its links lead somewhere, its options exist. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandReference, parseOptions } from 'xdp-redirect-cpu';
import { COMMAND, EVERYDAY } from '../support/command.ts';
import { type Example, examplesOf, patternOf, wordsOf } from './examples.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const root = here('../../../..');
const docs = join(root, 'docs');
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(docs, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const guide = pages.filter((page) => page.startsWith('docs/') && !page.startsWith('docs/reference/'));
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Below a folder with node_modules, so that examples find the packages; with the command and a capture. */
const scratch = mkdtempSync(join(here('../../node_modules'), '.guide-'));
beforeAll(() => {
  copyFileSync(EVERYDAY, join(scratch, 'everyday.pcapng'));
  const command = join(scratch, 'xdp-redirect-cpu');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`);
  chmodSync(command, 0o755);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const WHY_NOT: Readonly<Record<string, () => string | undefined>> = {
  root: () => (process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'it takes root on Linux'),
  clang: () => (spawnSync('clang', ['--version']).error === undefined ? undefined : 'clang is not installed'),
};

function runShell(command: string): string {
  const { stdout } = spawnSync('sh', ['-c', `${command} 2>&1`], {
    cwd: scratch,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, PATH: `${scratch}${delimiter}${process.env.PATH}`, NO_COLOR: '1' },
  });
  return stdout;
}

function runExample(example: Exclude<Example, { kind: 'sh' }>): void {
  switch (example.kind) {
    case 'file':
      writeFileSync(join(scratch, example.name), example.content);
      return;
    case 'console':
      for (const { command, output } of example.steps) expect(runShell(command), command).toMatch(patternOf(output));
      return;
    case 'ts': {
      const file = join(scratch, `line-${example.line}.mjs`);
      const { outputText } = ts.transpileModule(example.code, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
      });
      writeFileSync(file, outputText);
      const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
        cwd: scratch,
        encoding: 'utf8',
        timeout: 60_000,
      });
      expect(stderr).toBe('');
      expect(status).toBe(0);
      if (example.output !== undefined) expect(stdout).toMatch(patternOf(example.output));
    }
  }
}

describe.each(guide)('%s', (page) => {
  const examples = examplesOf(read(page));

  for (const example of examples) {
    if (example.kind === 'sh') {
      it.each(example.commands)('%s', (command) => {
        const [program, ...args] = wordsOf(command);
        if (program === 'npm') {
          const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
          const script = args[0] === 'run' ? args[1]! : args[0]!;
          expect(['install', 'i', ...scripts]).toContain(script);
        } else checkOptions(args);
      });
      continue;
    }
    const why = example.kind === 'console' && example.needs !== undefined ? WHY_NOT[example.needs]!() : undefined;
    if (why !== undefined) process.stderr.write(`SKIPPED, ${page} line ${example.line}: ${why}\n`);
    // one after the other: what an example writes, the next may read
    it.skipIf(why !== undefined)(`the example in line ${example.line}`, () => runExample(example), 120_000);
  }

  it('compiles', () => {
    const files = examples.flatMap((example) => {
      if (example.kind !== 'ts') return [];
      const file = join(scratch, `${page.replaceAll('/', '-')}-${example.line}.mts`);
      writeFileSync(file, example.code);
      return [file];
    });
    if (files.length === 0) return;
    const program = ts.createProgram(files, {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    expect(problems).toEqual([]);
  }, 60_000);
});

/** That the options exist and go together, as far as that can be said without a machine. */
function checkOptions(args: readonly string[]): void {
  try {
    parseOptions(args);
  } catch (error) {
    expect((error as Error).message).toMatch(/is a command of its own/); // its own options were right
  }
}

describe.each(pages)('links of %s', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  it('lead to files and headings that exist', () => {
    for (const link of links) {
      if (/^https?:/.test(link)) continue;
      const [path, heading] = link.split('#') as [string, string | undefined];
      const target = path === '' ? join(root, page) : resolve(root, dirname(page), path);
      if (relative(root, target) === join('docs', 'api')) continue; // made by npm run docs
      expect(existsSync(target), `${page}: ${link}`).toBe(true);
      if (heading === undefined) continue;
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
        text!
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings, `${page}: ${link}`).toContain(heading);
    }
  });
});

it('the reference of the command is what `npm run docs` would write', () => {
  expect(read('docs/reference/xdp-redirect-cpu.md')).toBe(commandReference());
});
