/** Bytes and instructions: the round trip, and what is refused with which words. */
import { KernelError } from '@cpumap/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProgram, encodeProgram } from '../../src/isa/codec.ts';
import { anyProgram } from './arbitrary.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const EXIT = '95 00 0000 00000000';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(KernelError);
    expect((error as KernelError).code).toBe('EINVAL');
    return (error as KernelError).hint ?? '';
  }
  throw new Error('it was accepted');
}

describe('a program', () => {
  it('encoded and decoded is itself', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        expect(decodeProgram(encodeProgram(program))).toEqual(program);
      }),
    );
  });

  it('any bytes are either refused with EINVAL or decode to what encodes to them', () => {
    const slot = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const slots = fc
      .array(slot, { minLength: 1, maxLength: 4 })
      .map((all) => Uint8Array.from(all.flatMap((s) => [...s])));
    fc.assert(
      fc.property(slots, (raw) => {
        try {
          expect(encodeProgram(decodeProgram(raw))).toEqual(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(KernelError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads the fields of the wide load over two slots', () => {
    const [load, exit] = decodeProgram(bytes(`18 26 0000 05000000 00000000 fcffffff ${EXIT}`));
    expect(load).toEqual({ slot: 0, opcode: 0x18, dst: 6, src: 2, offset: 0, imm: 5, imm64: 0xfffffffc_00000005n });
    expect(exit?.slot).toBe(2);
  });

  it('of a view into a larger buffer is read from its place', () => {
    expect(decodeProgram(new Uint8Array([1, 2, 3, ...bytes(EXIT)]).subarray(3))).toHaveLength(1);
  });
});

describe('a refused program says which slot and why', () => {
  it.each([
    ['no bytes', '', 'a program has at least 8 bytes and a multiple of 8, not 0'],
    ['half a slot', '95 00 0000', 'a program has at least 8 bytes and a multiple of 8, not 4'],
    ['an unknown opcode', `${EXIT} fc 00 0000 00000000`, 'slot 1: opcode 0xfc is no instruction'],
    ['neg of a register', '8f 00 0000 00000000', 'slot 0: opcode 0x8f is no instruction'],
    ['callx of the 32-bit class', '8e 00 0000 00000000', 'slot 0: opcode 0x8e is no instruction'],
    ['exit of the 32-bit class', '96 00 0000 00000000', 'slot 0: opcode 0x96 is no instruction'],
    ['may_goto', 'e5 00 0000 00000000', 'slot 0: opcode 0xe5 is no instruction: may_goto of Linux 6.9'],
    ['an 8-bit atomic', 'd3 00 0000 00000000', 'slot 0: opcode 0xd3 is no instruction'],
    ['a sign-extending load of 8 bytes', '99 00 0000 00000000', 'slot 0: opcode 0x99 is no instruction'],
    ['r11', 'bf b1 0000 00000000', 'slot 0: register r11: there are r0 to r10'],
    ['a write to r10', 'bf 1a 0000 00000000', 'r10 is the frame pointer: programs read it and never write it'],
    ['a load to r10', '79 1a 0000 00000000', 'r10 is the frame pointer'],
    ['an exchange into r10', 'db a1 0000 e1000000', 'it cannot take the value that was in memory'],
    ['a cut wide load', `${EXIT} 18 00 0000 00000000`, 'slot 1: a 64-bit immediate load takes two slots'],
    ['a wide load with a full second slot', '18 00 0000 00000000 01 00 0000 00000000', 'slot 1: the second slot'],
    ['a wide load of kind 7', '18 70 0000 00000000 00000000 00000000', 'is 0 to 6, not 7'],
    ['a map fd with an upper half', '18 10 0000 05000000 00000000 01000000', 'does not use its second imm'],
    ['LD_ABS', '20 00 0000 0c000000', 'slot 0: LD_ABS is a packet load of classic BPF'],
    ['LD_IND', '50 00 0000 0c000000', 'slot 0: LD_IND is a packet load of classic BPF'],
    ['a swap of 8 bits', 'dc 00 0000 08000000', 'bytes of 8 bits cannot be swapped'],
    [
      'a signed division of kind 2',
      '37 00 0200 08000000',
      'the offset of a division is 0, unsigned, or 1, signed, not 2',
    ],
    ['a 32-bit move that extends 32 bits', 'bc 10 2000 00000000', 'a move cannot extend the sign of 32 bits'],
    ['a sign-extending move of a constant', 'b7 00 0800 00000000', 'does not use its offset, which is 8'],
    ['an unknown atomic', 'db 10 0000 10000000', 'slot 0: 0x10 is no atomic operation'],
    ['a call of kind 3', '85 30 0000 00000000', "a call's source register is 0, 1 or 2"],
    ['a register add with an imm', '0f 10 0000 01000000', 'opcode 0x0f does not use its imm, which is 1: it must be 0'],
    ['an exit with a source', '95 10 0000 00000000', 'opcode 0x95 does not use its source register, which is 1'],
  ])('%s', (_, hex, hint) => {
    expect(refusal(() => decodeProgram(bytes(hex)))).toContain(hint);
  });

  it('also when it is written', () => {
    const exit = { slot: 0, opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 };
    expect(refusal(() => encodeProgram([exit, exit]))).toBe('slot 1: here is an instruction that says it is at slot 0');
    expect(refusal(() => encodeProgram([{ ...exit, opcode: 0xb7, imm: 0x80000000 }]))).toContain('imm is 2147483648');
    expect(refusal(() => encodeProgram([{ ...exit, opcode: 0x05, offset: 0x8000 }]))).toContain('offset is 32768');
  });
});
