/** Calls, helpers, the budget, and programs that are refused before they run. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/asm/assemble.ts';
import { ProgramFault } from '../../src/interp/fault.ts';
import { DATA, machineWith, resultOf } from './machine.ts';

const fault = (fields: Partial<ProgramFault>) => expect.objectContaining(fields);

describe('local functions', () => {
  it('keep r6 to r9 of the caller and have their own stack', () => {
    const text = `
      r6 = 6
      r9 = 9
      *(u64 *)(r10 - 8) = 1
      call f
      r0 += r6
      r0 += r9
      r1 = *(u64 *)(r10 - 8)
      r0 += r1
      exit
    f:
      r6 = 100
      r9 = 100
      *(u64 *)(r10 - 8) = 50
      r0 = 1000
      exit`;
    expect(resultOf(text)).toBe(1016n);
  });

  it("reach the caller's stack through a pointer", () => {
    const text = 'r1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nexit\nf: *(u64 *)(r1 + 0) = 5\nexit';
    expect(resultOf(text)).toBe(5n);
  });

  it('cannot touch a stack that is no longer theirs to use', () => {
    const text = 'call f\nr0 = *(u64 *)(r0 + 0)\nexit\nf: r0 = r10\nr0 += -8\nexit';
    expect(() => resultOf(text)).toThrow(fault({ kind: 'access', slot: 1 }));
  });

  it('eight may be active, nine not', () => {
    const nested = (levels: number): string => {
      const functions = Array.from({ length: levels }, (_, i) => `f${i}: r0 += 1\ncall f${i + 1}\nexit`);
      return `r0 = 1\ncall f0\nexit\n${functions.join('\n')}\nf${levels}: r0 += 1\nexit`;
    };
    expect(resultOf(nested(6))).toBe(8n);
    expect(() => resultOf(nested(7))).toThrow(fault({ kind: 'call-depth' }));
  });

  it('may recurse as far as the depth allows', () => {
    const text = 'r1 = 7\ncall f\nexit\nf: r6 = r1\nr0 = 0\nif r6 == 1 goto +2\nr1 += -1\ncall f\nr0 += r6\nexit';
    expect(resultOf(text)).toBe(28n);
  });

  it('are called through their address', () => {
    expect(resultOf('r3 = code_addr(f) ll\ncallx r3\nexit\nf: r0 = 77\nexit')).toBe(77n);
    expect(() => resultOf('r3 = 1\ncallx r3\nexit')).toThrow(fault({ kind: 'bad-call-target', slot: 1 }));
  });
});

describe('helpers', () => {
  it('get the low halves of r1 to r5, signed, and all of it in the registers', () => {
    const seen: unknown[] = [];
    const text = 'r1 = -1\nr2 = 0x500000002 ll\nr3 = 3\nr4 = 4\nr5 = 5\ncall 7\nexit';
    resultOf(text, {
      helpers: {
        7: (...args) => {
          seen.push(args.slice(0, 5), args[5]?.[5]);
          return 0;
        },
      },
    });
    expect(seen).toEqual([[-1, 2, 3, 4, 5], 5]);
  });

  it.each([
    [5, 5n],
    [-1, 0xffffffffffffffffn],
    [0xffffffff, 0xffffffffn],
    [2 ** 40 + 3, 2n ** 40n + 3n],
    [-(2 ** 40), 2n ** 64n - 2n ** 40n],
    [0x8000000000000001n, 0x8000000000000001n],
    [-2n, 0xfffffffffffffffen],
  ])('that return %s leave it in r0', (value, expected) => {
    expect(resultOf('call 1\nexit', { helpers: { 1: () => value } })).toBe(expected);
  });

  it('that nobody gave are a fault', () => {
    expect(() => resultOf('call 99\nexit')).toThrow(fault({ kind: 'unknown-helper', slot: 0 }));
    expect(() => resultOf('call 99\nexit')).toThrow('slot 0: call 0x63: there is no helper 99 for this program');
    expect(() => resultOf('call kfunc(5)\nexit', { helpers: { 5: () => 1 } })).toThrow('there is no kfunc 5');
    expect(resultOf('call kfunc(5)\nexit', { kfuncs: { 5: () => 1 } })).toBe(1n);
  });
});

describe('a run', () => {
  it('ends when the budget does', () => {
    const { interpreter } = machineWith('r0 = 0\ngoto -0x2', { budget: 1000 });
    expect(() => interpreter.run(0)).toThrow(fault({ kind: 'budget' }));
  });

  it('may use up its budget, and counts what it executed', () => {
    const { interpreter } = machineWith('r0 = 1 ll\nr0 += 1\nexit', { budget: 3 });
    expect(interpreter.run(0)).toBe(2);
    expect(interpreter.executed()).toBe(3);
  });

  it('gives r0 as unsigned 32 bits', () => {
    expect(machineWith('r0 = -1\nexit').interpreter.run(0)).toBe(0xffffffff);
  });

  it('starts with clean registers, also after a fault in a function', () => {
    const text = 'if r1 == 0 goto +1\ncall f\nr0 = r6\nr0 += r7\nexit\nf: r6 = 5\nr7 = *(u8 *)(r1 + 0)\nexit';
    const { interpreter } = machineWith(text);
    expect(() => interpreter.run(8)).toThrow(ProgramFault);
    expect(interpreter.run(0)).toBe(0);
    expect(interpreter.run(DATA)).toBe(0);
  });
});

describe('refused before it runs', () => {
  it.each([
    ['a jump out of the program', 'goto +5', 'outside the program'],
    ['no exit', 'r0 = 0', 'runs past its end'],
    ['a map that was not relocated', 'r1 = map_by_fd(1) ll\nexit', 'relocate the program first'],
    ['nothing', '', 'at least one instruction'],
  ])('%s', (_, text, hint) => {
    expect(() => machineWith(assemble(text))).toThrow(
      expect.objectContaining({ code: 'EINVAL', hint: expect.stringContaining(hint) }),
    );
  });
});
