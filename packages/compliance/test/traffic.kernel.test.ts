/**
 * Random traffic on the engine and on the kernel at once: bursts, programs, rings and modes in random order. CPUMAP_SEQUENCES
 * says how many sequences (default 500), COMPLIANCE_SEED where they begin; a failure is shrunk and says what repeats it.
 */
import fc from 'fast-check';
import { afterAll, describe, it } from 'vitest';
import { engineSubject } from '../src/engine-subject.ts';
import { kernelSubject } from '../src/kernel-subject.ts';
import { runTraffic, trafficSequences } from '../src/model/traffic-sequence.ts';
import { type TrafficSide, trafficSide } from '../src/model/traffic-side.ts';
import { needKernel } from './support/kernel.ts';

const COUNT = Number(process.env.CPUMAP_SEQUENCES ?? 500);
const SEED = Number(process.env.COMPLIANCE_SEED ?? 1);
const MAX_COMMANDS = 20;

describe('random traffic on engine and kernel', () => {
  let sides: [TrafficSide, TrafficSide] | undefined;

  afterAll(async () => {
    for (const { subject } of sides ?? []) await subject.close();
  });

  it(`${COUNT} sequences from seed ${SEED} on`, { timeout: 60_000 + COUNT * 1000 }, async ({ skip }) => {
    needKernel(skip);
    const kernel = kernelSubject();
    const engine = await engineSubject({ cpus: kernel.possibleCpus });
    sides = [await trafficSide(engine), await trafficSide(kernel)];
    const both = sides;
    const started = performance.now();
    let steps = 0;
    const property = fc.asyncProperty(trafficSequences(MAX_COMMANDS), async (commands) => {
      await runTraffic(both, commands);
      steps += [...commands].length;
    });
    await fc.assert(property, { numRuns: COUNT, seed: SEED });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`traffic: ${COUNT} sequences, ${steps} steps, seed ${SEED}, ${seconds} s\n`);
  });
});
