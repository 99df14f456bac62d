/** Relocations that contradict themselves or the target, made by hand from those of core.o. */

import { KernelError } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { essentialName } from '../../src/core/core-types.ts';
import { resolveCore } from '../../src/core/resolve-core.ts';
import { btfOfTargetTypes } from '../../src/core/target-types.ts';
import { ObjectError } from '../../src/elf/object-error.ts';
import { type LinkedProgram, linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { objectBytes, randomOf } from '../objects/load.ts';

const spec = readObject(objectBytes('core.o'));
const btf = spec.btf!;
const target = readObject(objectBytes('core-target.o')).btf!;
const sizes = linkProgram(spec, 'sizes');

const withCore = (change: Partial<LinkedProgram['core'][number]>): LinkedProgram => ({
  ...sizes,
  core: [{ ...sizes.core[0]!, ...change }],
});

it.each([
  ['moved', 'moved'],
  ['moved___v2', 'moved'],
  ['moved___v2___x', 'moved___v2'],
  ['moved__v2', 'moved__v2'],
  ['moved____v2', 'moved____v2'],
  ['___moved', '___moved'],
  ['moved___', 'moved___'],
  ['m___v', 'm'],
  ['', ''],
])('%s is %s', (name, essential) => expect(essentialName(name)).toBe(essential));

describe('resolveCore refuses', () => {
  const refusal = (linked: LinkedProgram, types = target): string => {
    try {
      resolveCore(linked, btf, types);
    } catch (error) {
      if (error instanceof KernelError) return `${error.code} ${error.message}`;
      throw error;
    }
    return 'nothing';
  };

  it.each(['0:99', '1e3:0:0:0', '-1', 'x', '0:0:1:99'])('the path %s', (access) => {
    expect(refusal(withCore({ access }))).toMatch(/^EINVAL .*sizes, slot 0, CO-RE.*leads nowhere/);
  });

  it('an instruction that holds something else', () => {
    const code = sizes.code.slice();
    code[4] = 77;
    expect(refusal({ ...withCore({}), code })).toMatch(/it holds 77, and the program's own types say 4/);
  });

  it('an instruction without a value', () => {
    const code = sizes.code.slice();
    code[0] = 0x95;
    expect(refusal({ ...withCore({}), code })).toMatch(/it has no value to replace/);
  });

  it('types that differ: its own moved and moved___v2 are both candidates', () => {
    expect(refusal(linkProgram(spec, 'offsets'), btf)).toMatch(/^EINVAL .*\(1:9\): types of that name differ/);
  });

  it('an offset that does not fit', () => {
    const far = btfOfTargetTypes({
      structs: { moved: { size: 80000, members: { widened: { offset: 70000, size: 4 } } } },
    });
    const loads = linkProgram(spec, 'loads');
    expect(refusal({ ...loads, core: [loads.core[0]!] }, far)).toMatch(/70000 does not fit in its offset/);
  });
});

const SEED = 20250611;
const MUTANTS = 3000;
it(`${MUTANTS} mutants of core.o (seed ${SEED}) are resolved or refused`, () => {
  const random = randomOf(SEED);
  const original = objectBytes('core.o');
  const counts: Record<string, number> = {};
  for (let i = 0; i < MUTANTS; i++) {
    const bytes = original.slice();
    for (let changes = 1 + random(8); changes > 0; changes--) bytes[64 + random(bytes.length - 64)] = random(256);
    let answer = 'resolved';
    try {
      const mutant = readObject(bytes);
      for (const name of mutant.programs.keys()) {
        if (mutant.btf !== undefined) resolveCore(linkProgram(mutant, name), mutant.btf, target);
      }
    } catch (error) {
      if (!(error instanceof ObjectError) && !(error instanceof KernelError)) throw error;
      answer = error.code;
    }
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  expect(counts.resolved).toBeGreaterThan(100);
  expect(counts.EINVAL).toBeGreaterThan(10);
});
