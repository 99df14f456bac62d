/** Text to instructions: the way back, labels, and errors that point at the place. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/asm/assemble.ts';
import { AssemblyError } from '../../src/asm/assembly-error.ts';
import { disassemble } from '../../src/asm/disassemble.ts';
import { encodeProgram } from '../../src/isa/codec.ts';
import { anyProgram } from '../isa/arbitrary.ts';
import { SNIPPETS } from './snippets.ts';

const hex = (text: string): string => Buffer.from(encodeProgram(assemble(text))).toString('hex');

describe('assembly', () => {
  it('of what the disassembler wrote is the program again', () => {
    fc.assert(
      fc.property(anyProgram, fc.boolean(), (program, alu32) => {
        expect(assemble(disassemble(program, { alu32 }))).toEqual(program);
      }),
      { numRuns: 500 },
    );
  });

  it.each(SNIPPETS)("of LLVM's text is LLVM's bytes: %s", (bytes, text) => {
    expect(hex(text)).toBe(bytes);
  });

  it.each([
    ['decimal', 'r1 += -5', '07010000fbffffff'],
    ['upper case hex', 'r1 = 0XFF', 'b7010000ff000000'],
    ['no offset', 'r1 = *(u64 *)(r2)', '7921000000000000'],
    ['no spaces', 'r1=*(u16*)(r2-2)', '6921feff00000000'],
    ['unsigned 32 bits', 'w1 = 0xffffffff', 'b4010000ffffffff'],
    ['unsigned 64 bits', 'r1 = 0xffffffffffffffff ll', '18010000ffffffff00000000ffffffff'],
    ['comments', '# one\n  exit // two\n; three\n', '9500000000000000'],
    ["objdump's labels", 'if r1 < r2 goto +0x3 <LBB0_2>', 'ad21030000000000'],
    ['a label and an instruction', 'end: exit', '9500000000000000'],
    ['negation', 'w3 = - w3', '8403000000000000'],
    [
      'a jump back over a wide load',
      'top:\nr1 = 1 ll\ngoto top',
      `18010000010000000000000000000000${'0500fdff00000000'}`,
    ],
    ['a far jump', 'gotol end\nend:\nexit', '06000000000000009500000000000000'],
    ['a local call', 'call f\nexit\nf:\nexit', '851000000100000095000000000000009500000000000000'],
    ['a function address', 'r1 = code_addr(f) ll\nf: exit', '184100000100000000000000000000009500000000000000'],
  ])('%s', (_, text, bytes) => {
    expect(hex(text)).toBe(bytes);
  });
});

describe('an error says where and what', () => {
  it.each([
    ['r1 += r2\n  jump 3', 2, 3, 'an instruction was expected, not "jump"'],
    ['r1 = r11', 1, 6, 'there is no register r11: there are r0 to r10'],
    ['r1 += w2', 1, 7, 'w2 has 32 bits here, and 64 are needed: r2'],
    ['r1 = 0x80000000', 1, 6, 'must be between -2147483648 and 2147483647, not 2147483648'],
    ['w1 = 0x100000000', 1, 6, 'must be between -2147483648 and 4294967295'],
    ['r1 = 0x10000000000000000 ll', 1, 6, '18446744073709551616 does not fit in 64 bits'],
    ['w1 = 1 ll', 1, 1, 'a 64-bit immediate needs r1'],
    ['r1 = *(u24 *)(r2 + 0)', 1, 8, 'u8, u16, u32, u64, s8, s16 or s32 was expected, not "u24"'],
    ['r1 = *(u32 *)(r2 + 0x8000)', 1, 18, 'an offset must be between -32768 and 32767, not 32768'],
    ['r1 = *(u32 *)(r2 + 4', 1, 21, '")" was expected, not the end of the line'],
    ['w1 = *(u64 *)(r2 + 4)', 1, 1, 'this load fills 64 bits: r1, not w1'],
    ['*(s8 *)(r1 + 0) = r2', 1, 3, 'a store has no sign: u8'],
    ['lock *(u8 *)(r1 + 0) += r2', 1, 8, 'atomic operations are on u32 and u64, not u8'],
    ['lock r1', 1, 6, '"*" was expected, not "r1"'],
    ['r3 = atomic_fetch_add((u64 *)(r1 + 0), r2)', 1, 40, 'r2 and r3 must be the same register'],
    ['r2 = cmpxchg_64(r1 + 0, r2, r3)', 1, 25, 'what is compared, and what was there, is r0'],
    ['r1 = be16 r2', 1, 11, 'r2 and r1 must be the same register'],
    ['w1 = (s32)w2', 1, 7, 'a sign cannot be extended from "s32" here'],
    ['if r1 = r2 goto +1', 1, 7, 'a comparison was expected, not "="'],
    ['if w1 == r2 goto +1', 1, 10, 'r2 has 64 bits here, and 32 are needed: w2'],
    ['if r1 == r2 goto nowhere', 1, 18, 'there is no label "nowhere"'],
    ['a: exit\na: exit', 2, 1, 'the label "a" was there before'],
    ['exit exit', 1, 6, 'the line should end before "exit"'],
    ['r1 = ?', 1, 6, '"?" begins neither a word, a number nor an operator'],
    ['  r10 = 1', 1, 3, 'r10 is the frame pointer'],
    ['r1 = map_val(var_addr(1)) + 4 ll', 1, 14, 'map_val is of map_by_fd or map_by_idx, not of var_addr'],
    ['r1 = map_by_fd(1)', 1, 18, '"ll" was expected, not the end of the line'],
    ['call kfunc', 1, 11, '"(" was expected, not the end of the line'],
    [`goto far\n${'r1 = 0\n'.repeat(32768)}far: exit`, 1, 6, '"far" is 32768 slots away: use gotol'],
  ])('%j', (text, line, column, what) => {
    let error: unknown;
    try {
      assemble(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AssemblyError);
    expect(error).toMatchObject({ message: expect.stringContaining(what) });
    expect(error).toMatchObject({ line, column });
  });

  it('any text is instructions or an AssemblyError', () => {
    const words = fc.constantFrom(
      'r1',
      'w2',
      '=',
      '+=',
      '*',
      '(',
      ')',
      'u32',
      'goto',
      'if',
      'lock',
      'call',
      '0x5',
      'll',
      '-',
      's>',
      ':',
      '\n',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(words).map((all) => all.join(' ')),
          fc.string(),
        ),
        (text) => {
          try {
            encodeProgram(assemble(text));
          } catch (error) {
            expect(error).toBeInstanceOf(AssemblyError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
