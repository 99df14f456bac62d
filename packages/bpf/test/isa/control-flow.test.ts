/** Jumps stay inside, functions begin at instructions, the end is an end. */
import { describe, expect, it } from 'vitest';
import { decodeProgram } from '../../src/isa/codec.ts';
import { checkControlFlow } from '../../src/isa/control-flow.ts';
import { functionTarget, jumpTarget } from '../../src/isa/instruction.ts';
import { isReference, relocate } from '../../src/isa/relocate.ts';

const program = (...slots: string[]) => decodeProgram(Uint8Array.from(Buffer.from(slots.join(''), 'hex')));
const EXIT = '9500000000000000';
const WIDE = '18010000050000000000000000000000';

describe('control flow', () => {
  it.each([
    ['a loop', ['b700000000000000', '0500feff00000000']],
    ['a jump to the end', ['1500010000000000', 'b700000000000000', EXIT]],
    ['a 32-bit jump back', ['b700000000000000', '06000000feffffff']],
    ['a local function', ['8510000001000000', EXIT, EXIT]],
  ])('%s is in order', (_, slots) => {
    checkControlFlow(program(...slots));
  });

  it.each([
    ['a jump past the end', ['0500010000000000', EXIT], 'slot 0: it goes to slot 2, outside the program of 2 slots'],
    ['a jump before the start', ['0500feff00000000', EXIT], 'slot 0: it goes to slot -1, outside'],
    ['a jump into a wide load', ['1500010000000000', WIDE, EXIT], 'slot 0: it goes to slot 2, the second half of'],
    ['a call into nothing', ['8510000009000000', EXIT], 'slot 0: it goes to slot 10, outside'],
    ['no exit', [EXIT, 'b700000000000000'], 'slot 1: the program runs past its end'],
    ['a conditional jump last', [EXIT, '1500feff00000000'], 'slot 1: the program runs past its end'],
  ])('%s is refused', (_, slots, hint) => {
    expect(() => checkControlFlow(program(...slots))).toThrow(hint);
  });

  it('targets are slots', () => {
    const [load, jump] = program(`1841${WIDE.slice(4)}`, '0500fcff00000000');
    expect(functionTarget(load!)).toBe(6);
    expect(jumpTarget(jump!)).toBe(-1);
    expect(jumpTarget(load!)).toBeUndefined();
  });
});

it('references become addresses, and nothing else changes', () => {
  const before = program(`1811${WIDE.slice(4)}`, WIDE, `1841${WIDE.slice(4)}`, EXIT);
  expect(before.map(isReference)).toEqual([true, false, false, false]);
  const after = relocate(before, ({ imm }) => 0x70000000 + imm);
  expect(after[0]).toMatchObject({ src: 0, imm: 0x70000005, imm64: 0x70000005n });
  expect(after.slice(1)).toEqual(before.slice(1));
});
