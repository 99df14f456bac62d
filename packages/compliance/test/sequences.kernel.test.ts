/**
 * Random sequences of map operations, on the engine and on the kernel at once. CPUMAP_SEQUENCES says how many in all
 * (default 500), COMPLIANCE_SEED where they begin; a failure is shrunk and says the seed that repeats it.
 */
import fc from 'fast-check';
import { afterAll, describe, it } from 'vitest';
import { engineSubject } from '../src/engine-subject.ts';
import { kernelSubject } from '../src/kernel-subject.ts';
import { CPUMAP_FLAVOUR, FLAVOURS, type Flavour } from '../src/model/flavour.ts';
import { runSequence, sequences } from '../src/model/sequence.ts';
import { type SideParts, sideParts } from '../src/model/side.ts';
import { needKernel } from './support/kernel.ts';

const COUNT = Number(process.env.CPUMAP_SEQUENCES ?? 500);
const SEED = Number(process.env.COMPLIANCE_SEED ?? 1);
const MAX_COMMANDS = 40;
/** Sequences after which the engine is made anew: it keeps every program that it ever loaded. */
const PER_ENGINE = 400;
/** A fifth of all sequences are about cpumaps. */
const CPUMAP_SHARE = 0.2;

describe(`${COUNT} sequences on engine and kernel, seed ${SEED}`, () => {
  let kernel: SideParts | undefined;
  let engine: SideParts | undefined;
  let run = 0;

  async function sides(): Promise<readonly [SideParts, SideParts]> {
    kernel ??= await sideParts(kernelSubject());
    if (run++ % PER_ENGINE === 0 || engine === undefined) {
      await engine?.subject.close();
      engine = await sideParts(await engineSubject({ cpus: kernel.subject.possibleCpus }));
    }
    return [engine, kernel];
  }

  afterAll(async () => {
    await engine?.subject.close();
    await kernel?.subject.close();
  });

  async function check(flavour: Flavour, numRuns: number): Promise<void> {
    const started = performance.now();
    let operations = 0;
    const property = fc.asyncProperty(sequences(flavour, MAX_COMMANDS), async (sequence) => {
      await runSequence(await sides(), flavour, sequence);
      operations += [...sequence.commands].length;
    });
    await fc.assert(property, { numRuns, seed: SEED });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(
      `${flavour.name}: ${numRuns} sequences, ${operations} operations, seed ${SEED}, ${seconds} s\n`,
    );
  }

  const cpumaps = Math.max(1, Math.round(COUNT * CPUMAP_SHARE));
  const others = Math.max(1, Math.ceil((COUNT - cpumaps) / FLAVOURS.length));
  const timeout = 30_000 + COUNT * 1000;

  it.for([CPUMAP_FLAVOUR, ...FLAVOURS])('$name', { timeout }, async (flavour, { skip }) => {
    needKernel(skip);
    await check(flavour, flavour === CPUMAP_FLAVOUR ? cpumaps : others);
  });
});
