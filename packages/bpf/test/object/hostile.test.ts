/**
 * Bytes that no compiler wrote: whatever they are, the answer is a spec or an ObjectError, soon.
 * By hand, with more of them: OBJECT_MUTANTS=200000 vitest run --project @cpumap/bpf test/object/hostile
 */
import { expect, it } from 'vitest';
import { ObjectError } from '../../src/elf/object-error.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { OBJECTS, objectBytes, randomOf } from '../objects/load.ts';

const SEED = 20171016;
const MUTANTS = Number(process.env.OBJECT_MUTANTS ?? 2000);

/** 'read', or the code of the refusal. */
function answer(bytes: Uint8Array): string {
  try {
    const spec = readObject(bytes);
    for (const name of spec.programs.keys()) linkProgram(spec, name);
    return 'read';
  } catch (error) {
    if (error instanceof ObjectError) return error.code;
    throw error;
  }
}

it.each(['legacy-maps.o', 'btf-maps.o'] as const)('%s cut off anywhere is refused', (name) => {
  const bytes = objectBytes(name);
  for (let length = 0; length < bytes.length; length++) {
    expect(answer(bytes.slice(0, length)), `${length} bytes`).toMatch(/^(not-elf|truncated)$/);
  }
});

/** One to eight changes, most in the tables that everything else depends on. */
function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = original.slice();
  const view = new DataView(bytes.buffer);
  const sections = Number(view.getBigUint64(40, true));
  for (let changes = 1 + random(8); changes > 0; changes--) {
    const area = random(3);
    const at = area === 0 ? random(64) : area === 1 ? sections + random(bytes.length - sections) : random(bytes.length);
    switch (random(4)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = bytes[at]! ^ (1 << random(8));
        break;
      case 2:
        if (at + 4 <= bytes.length)
          view.setUint32(at, [0, 1, 0x7fffffff, 0xffffffff, 0xffff, bytes.length][random(6)]!, true);
        break;
      default:
        bytes.copyWithin(at, random(bytes.length), random(bytes.length));
    }
  }
  // the first bytes say what the file is: leave most mutants that
  if (random(16) !== 0) bytes.set(original.subarray(0, 20));
  return bytes;
}

it(
  `${MUTANTS} mutants (seed ${SEED}) are read or refused, each in less than a second`,
  () => {
    const random = randomOf(SEED);
    const originals = OBJECTS.map(objectBytes);
    const answers: Record<string, number> = {};
    let slowest = 0;
    const heap: number[] = [];
    for (let i = 0; i < MUTANTS; i++) {
      const bytes = mutate(originals[i % originals.length]!, random);
      let start = performance.now();
      const found = answer(bytes);
      let took = performance.now() - start;
      if (took > 50) {
        // a busy machine stops anybody for a while: a mutant is slow if it is slow again
        start = performance.now();
        answer(bytes);
        took = Math.min(took, performance.now() - start);
      }
      slowest = Math.max(slowest, took);
      answers[found] = (answers[found] ?? 0) + 1;
      if (i % Math.ceil(MUTANTS / 8) === 0) heap.push(Math.round(process.memoryUsage().rss / 1e6));
    }
    if (MUTANTS > 2000) console.log(answers, { slowestMs: slowest, rssMB: heap });
    expect(slowest).toBeLessThan(1000);
    expect(Object.keys(answers).length).toBeGreaterThan(6);
  },
  60_000 + MUTANTS * 5,
);
