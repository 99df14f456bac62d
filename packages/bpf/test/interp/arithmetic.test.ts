/** Arithmetic, byte order and comparisons: random programs against the model, and the corners by name. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instruction } from '../../src/isa/instruction.ts';
import { arithmeticProgram } from '../isa/arbitrary.ts';
import { machineWith, resultOf, STACK_END } from './machine.ts';
import { modelRun } from './model.ts';

function interpreted(program: readonly Instruction[]): bigint {
  const { interpreter } = machineWith(program);
  interpreter.run(0);
  return interpreter.result();
}

it('random programs give what the BigInt model gives', () => {
  fc.assert(
    fc.property(arithmeticProgram, (program) => {
      expect(interpreted(program)).toBe(modelRun(program, BigInt(STACK_END)));
    }),
    { numRuns: 3000 },
  );
});

const MIN64 = 0x8000000000000000n;

describe('the corners of RFC 9669', () => {
  it.each([
    ['division by zero is zero', 'r0 = 5\nr1 = 0\nr0 /= r1', 0n],
    ['modulo by zero leaves 64 bits as they were', 'r0 = -5\nr1 = 0\nr0 %= r1', 0xfffffffffffffffbn],
    ['32-bit modulo by zero cuts to 32 bits', 'r0 = -5\nr1 = 0\nw0 %= w1', 0xfffffffbn],
    ['signed modulo by zero too', 'r0 = -5\nr1 = 0\nw0 s%= w1', 0xfffffffbn],
    ['signed division by zero is zero', 'r0 = -5\nr1 = 0\nr0 s/= r1', 0n],
    ['the smallest number divided by -1 is itself', 'r0 = -0x8000000000000000 ll\nr0 s/= -1', MIN64],
    ['and nothing is left', 'r0 = -0x8000000000000000 ll\nr0 s%= -1', 0n],
    ['so in 32 bits', 'w0 = -0x80000000\nw0 s/= -1', 0x80000000n],
    ['and nothing is left in 32 bits', 'w0 = -0x80000000\nw0 s%= -1', 0n],
    ['-13 s% 3 is -1', 'r0 = -13\nr0 s%= 3', 0xffffffffffffffffn],
    ['an immediate of unsigned division is extended with its sign', 'r0 = -1\nr0 /= -1', 1n],
    ['a shift counts modulo 64', 'r0 = 1\nr1 = 65\nr0 <<= r1', 2n],
    ['a 32-bit shift counts modulo 32', 'w0 = 1\nw1 = 33\nw0 <<= w1', 2n],
    ['a 32-bit move clears the upper half', 'r0 = -1\nw0 = w0', 0xffffffffn],
    ['a 32-bit arithmetic shift clears it too', 'r0 = -1\nw0 s>>= 1', 0xffffffffn],
    ['(s8) to 32 bits clears it too', 'w1 = 0x80\nw0 = (s8)w1', 0xffffff80n],
    ['(s32) to 64 bits fills it', 'w1 = 0x80000000\nr0 = (s32)r1', 0xffffffff80000000n],
    ['le16 cuts', 'r0 = -1\nr0 = le16 r0', 0xffffn],
    ['be32 swaps and cuts', 'r0 = 0x1122334455667788 ll\nr0 = be32 r0', 0x88776655n],
    ['bswap64 swaps', 'r0 = 0x1122334455667788 ll\nr0 = bswap64 r0', 0x8877665544332211n],
  ])('%s', (_, text, expected) => {
    expect(resultOf(`${text}\nexit`)).toBe(expected);
  });

  it('32-bit comparisons look at the lower halves alone', () => {
    expect(resultOf('r0 = 1\nr1 = 0x100000005 ll\nif w1 == 5 goto +1\nr0 = 0\nexit')).toBe(1n);
    expect(resultOf('r0 = 1\nr1 = 0x100000005 ll\nif r1 == 5 goto +1\nr0 = 0\nexit')).toBe(0n);
  });
});
