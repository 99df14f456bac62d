/**
 * Every case, on the engine and on the kernel. The engine's answers are compared with those that Linux 6.18.44 gave on two
 * CPUs (answers/linux-6.18.json.gz), and with the running kernel's where it may be asked. COMPLIANCE_RECORD=1 writes the
 * kernel's answers down instead.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Answers } from '../src/answer.ts';
import { type Case, nameOf } from '../src/case.ts';
import { CASES } from '../src/cases/index.ts';
import { type EngineSubjectOptions, engineSubject } from '../src/engine-subject.ts';
import { kernelSubject } from '../src/kernel-subject.ts';
import { KNOWN_DIFFERENCES } from '../src/known-differences.ts';
import type { Subject } from '../src/subject.ts';
import { type Comparison, compare, differencesText, type Protocol, protocolOf, tableOf } from '../src/suite.ts';
import { needKernel } from './support/kernel.ts';

/** Of the recorded answers; the kernel's own tell another number of CPUs apart. */
const RECORDED_CPUS = 2;
const TIMEOUT = 120_000;
const file = new URL('answers/linux-6.18.json.gz', import.meta.url);
const isRecording = process.env.COMPLIANCE_RECORD === '1';

async function ask(subject: Subject, cases: readonly Case[] = CASES): Promise<Protocol> {
  try {
    return await protocolOf(subject, cases);
  } finally {
    await subject.close();
  }
}

function recorded(): Protocol {
  const text = existsSync(file) ? gunzipSync(readFileSync(file)).toString() : '{}';
  return new Map(Object.entries(JSON.parse(text) as Record<string, Answers>));
}

function check(comparison: Comparison, left: string, right: string): void {
  process.stderr.write(`${tableOf(`${left} and ${right}`, comparison)}\n`);
  expect(differencesText(comparison.differences, left, right)).toBe('');
}

const nameOfEngine = ({ executor = 'virtual', bpfEngine = 'jit' }: EngineSubjectOptions): string =>
  `engine (${executor}, ${bpfEngine})`;

/** One engine run for each way to build it, shared by the tests. */
const engines = new Map<string, Promise<Protocol>>();
function engine(options: EngineSubjectOptions): Promise<Protocol> {
  const key = JSON.stringify(options);
  const asked = engines.get(key) ?? engineSubject(options).then((subject) => ask(subject));
  engines.set(key, asked);
  return asked;
}

describe('the suite on the engine', () => {
  it.for<EngineSubjectOptions>([
    { cpus: RECORDED_CPUS },
    { cpus: RECORDED_CPUS, executor: 'threads' },
    { cpus: RECORDED_CPUS, bpfEngine: 'interp' },
  ])('answers as Linux 6.18.44 did: %o', { timeout: TIMEOUT }, async (options, { skip }) => {
    if (isRecording) skip('the answers are being recorded');
    const comparison = compare(await engine(options), recorded());
    check(comparison, nameOfEngine(options), 'Linux 6.18.44, recorded');
    expect(KNOWN_DIFFERENCES.filter((known) => !comparison.met.has(known))).toEqual([]);
  });

  it(
    'answers the same twice',
    async () => {
      expect(await ask(await engineSubject({ cpus: RECORDED_CPUS }))).toEqual(await engine({ cpus: RECORDED_CPUS }));
    },
    TIMEOUT,
  );

  it('notices an answer that is not the kernel’s', async ({ skip }) => {
    if (isRecording) skip('the answers are being recorded');
    const cases = CASES.filter((one) => nameOf(one).startsWith('cpumap: elements'));
    const subject = await engineSubject({ cpus: RECORDED_CPUS });
    const faulty: Subject = {
      ...subject,
      createMap: (spec) => ({ ...subject.createMap(spec), delete() {} }),
    };
    const { differences } = compare(await ask(faulty, cases), recorded());
    expect(differences.length).toBeGreaterThan(0);
    expect(differences.every(({ question }) => /delete|lookup|contents/.test(question))).toBe(true);
  });
});

describe('the suite on the kernel', () => {
  it(
    'answers as the engine does',
    async ({ skip }) => {
      needKernel(skip);
      const kernel = kernelSubject();
      const answers = await ask(kernel);
      if (isRecording) {
        writeFileSync(file, gzipSync(JSON.stringify(Object.fromEntries(answers)), { level: 9 }));
        return;
      }
      const options = { cpus: kernel.possibleCpus };
      check(compare(await engine(options), answers), nameOfEngine(options), `the running kernel, Linux ${release()}`);
    },
    TIMEOUT,
  );
});
