/**
 * Random XDP programs, on the engine and on the kernel: whether they are accepted, the verifier's last sentence if not, and
 * if they are, what they return and leave in frames, contexts and maps. COMPLIANCE_PROGRAMS says how many (default 300).
 */
import { describe, expect, it } from 'vitest';
import { engineSubject } from '../src/engine-subject.ts';
import { kernelSubject } from '../src/kernel-subject.ts';
import {
  compareProgram,
  type ProgramComparison,
  type RandomSide,
  randomProgramMaps,
} from '../src/random/compare-program.ts';
import { randomXdpProgram } from '../src/random/random-xdp.ts';
import type { Subject } from '../src/subject.ts';
import { needKernel } from './support/kernel.ts';

const COUNT = Number(process.env.COMPLIANCE_PROGRAMS ?? 300);
const SEED = Number(process.env.COMPLIANCE_SEED ?? 1);
/** Programs after which the engine is made anew: it keeps every program that it ever loaded. */
const PER_ENGINE = 200;

function sideOf(subject: Subject): RandomSide {
  const maps = randomProgramMaps(subject);
  subject.keep();
  return { subject, maps };
}

describe('random programs on engine and kernel', () => {
  it(
    `${COUNT} programs from seed ${SEED} on`,
    async ({ skip }) => {
      needKernel(skip);
      const kernel = sideOf(kernelSubject());
      let engine: RandomSide | undefined;
      const found: ProgramComparison[] = [];
      const counts = new Map<string, number>();
      try {
        for (let i = 0; i < COUNT; i++) {
          if (i % PER_ENGINE === 0) {
            await engine?.subject.close();
            engine = sideOf(await engineSubject({ cpus: kernel.subject.possibleCpus }));
          }
          const comparison = await compareProgram([engine!, kernel], SEED + i);
          counts.set(comparison.verdict, (counts.get(comparison.verdict) ?? 0) + 1);
          const isEqual = comparison.verdict === 'accepted' || comparison.verdict === 'refused';
          if (!isEqual) found.push(comparison);
        }
      } finally {
        await engine?.subject.close();
        await kernel.subject.close();
      }
      const line = [...counts].map(([verdict, count]) => `${verdict} ${count}`).join(', ');
      process.stderr.write(`random programs from seed ${SEED} on: ${line}\n`);
      const texts = found
        .slice(0, 10)
        .map(
          ({ seed, verdict, results: [a, b] }) =>
            `seed ${seed}: ${verdict}\n  engine: ${JSON.stringify(a)}\n  kernel: ${JSON.stringify(b)}`,
        );
      if (found[0] !== undefined) texts.push(randomXdpProgram(found[0].seed));
      expect(texts.join('\n')).toBe('');
    },
    30_000 + COUNT * 200,
  );
});
