/**
 * core.o against the types of core-target.o. The answers are those of libbpf 1.1.2, which relocated the same objects
 * (btf_custom_path): its code and ours were the same to the byte.
 */
import { describe, expect, it } from 'vitest';
import { resolveCore } from '../../src/core/resolve-core.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { objectBytes } from '../objects/load.ts';

const target = readObject(objectBytes('core-target.o')).btf!;

/** What `out` gets, one after the other: read it beside the source. */
const VALUES: Record<string, readonly number[]> = {
  offsets: [36, 48, 64, 76, 144, 392, 200, 184, 108, 112],
  sizes: [8, 2, 32, 52, 4, 8, 4, 8, 0, 1, 1, 53, 61, 48, 59, 24, 24, 0],
  existence: [1, 0, 0, 1, 0, 1, 1],
  types: [1, 0, 208, 208, 0, 40, 1, 1, 0, 6, 0, 34],
  constants: [1, 0, 10, 20],
};
const MATCHES = [1, 0, 0, 0, 1, 0];

const POISON = '850000001023ad0b';
const LOADS = [
  '7913400000000000', // r3 = *(u64 *)(r1 + 64): it had 32 bits
  '6913480000000000', // u16, it had 32 bits
  '6113300000000000',
  '7913b80000000000',
  '6113900000000000',
  'b703000000000000', // m->gone does not exist,
  POISON, //             so its load is behind a test
  'b702000000000000',
  POISON,
  POISON, // narrower and with a sign
  '1802000000000000',
  POISON,
];

describe.each(['core.o', 'core-19.o'] as const)('%s', (object) => {
  const spec = readObject(objectBytes(object));
  const resolve = (name: string) => {
    const linked = linkProgram(spec, name);
    const { code, poisoned } = resolveCore(linked, spec.btf!, target);
    return { linked, code: Buffer.from(code), poisoned };
  };

  const cases = Object.entries({ ...VALUES, ...(object === 'core-19.o' ? { matches: MATCHES } : {}) });
  it.each(cases)('%s are what libbpf finds', (name, values) => {
    const { linked, code, poisoned } = resolve(name);
    expect(linked.core.map(({ slot }) => code.readInt32LE(slot * 8 + 4))).toEqual(values);
    expect(poisoned).toEqual([]);
  });

  it('loads move as many bytes as the field has, or are poisoned', () => {
    const { linked, code, poisoned } = resolve('loads');
    expect(linked.core.map(({ slot }) => code.toString('hex', slot * 8, slot * 8 + 8))).toEqual(LOADS);
    const slots = linked.core.map(({ slot }) => slot).filter((_slot, i) => LOADS[i] === POISON);
    expect(poisoned.map(({ slot }) => slot)).toEqual(slots);
    expect(poisoned.map(({ what }) => what)).toEqual([
      'field_byte_offset of struct moved (0:11): the target has no such thing',
      'field_byte_offset of struct absent (0:0): the target has no such thing',
      'field_byte_offset of struct moved (0:3): a load cannot change its size with a sign',
      'enumval_value of enum level (1): the target has no such thing',
    ]);
  });

  it('nothing else changes, and neither program nor types do', () => {
    for (const name of spec.programs.keys()) {
      const before = structuredClone(linkProgram(spec, name));
      const { linked, code } = resolve(name);
      expect(linked).toEqual(before);
      const touched = new Set(linked.core.flatMap(({ slot }) => [slot, slot + 1]));
      for (let slot = 0; slot < code.length / 8; slot++) {
        if (touched.has(slot)) continue;
        expect(code.subarray(slot * 8, slot * 8 + 8)).toEqual(
          Buffer.from(linked.code.subarray(slot * 8, slot * 8 + 8)),
        );
      }
    }
  });
});
