/** The text is LLVM's; where LLVM has none, it is ours. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disassemble, disassembleInstruction } from '../../src/asm/disassemble.ts';
import { decodeProgram, encodeProgram } from '../../src/isa/codec.ts';
import type { Instruction } from '../../src/isa/instruction.ts';
import { BPF_CALL, BPF_CLASS, BPF_MODE, BPF_SIZE, OPCODE } from '../../src/isa/opcodes.ts';
import { anyProgram, place } from '../isa/arbitrary.ts';
import { SNIPPETS } from './snippets.ts';

const decode = (hex: string): Instruction[] => decodeProgram(Uint8Array.from(Buffer.from(hex, 'hex')));

describe('one instruction, as llvm-objdump writes it', () => {
  it.each(SNIPPETS)('%s', (hex, text) => {
    expect(disassembleInstruction(decode(hex)[0]!, { alu32: true })).toBe(text);
  });

  it.each([
    ['6121040000000000', 'r1 = *(u32 *)(r2 + 0x4)'],
    ['632afcff00000000', '*(u32 *)(r10 - 0x4) = r2'],
  ])('%s with r registers, as for processors before v3', (hex, text) => {
    expect(disassembleInstruction(decode(hex)[0]!)).toBe(text);
  });
});

describe('what LLVM does not tell apart', () => {
  it.each([
    ['18110000050000000000000000000000', 'r1 = map_by_fd(0x5) ll'],
    ['18210000050000000000000008000000', 'r1 = map_val(map_by_fd(0x5)) + 0x8 ll'],
    ['182100000500000000000000ffffffff', 'r1 = map_val(map_by_fd(0x5)) - 0x1 ll'],
    ['18310000070000000000000000000000', 'r1 = var_addr(0x7) ll'],
    ['18410000feffffff0000000000000000', 'r1 = code_addr(-0x2) ll'],
    ['18510000020000000000000000000000', 'r1 = map_by_idx(0x2) ll'],
    ['18610000020000000000000004000000', 'r1 = map_val(map_by_idx(0x2)) + 0x4 ll'],
    ['8510000003000000', 'call pc+0x3'],
    ['85100000fdffffff', 'call pc-0x3'],
    ['8520000033000000', 'call kfunc(0x33)'],
    ['8520010033000000', 'call kfunc(0x33, 0x1)'],
  ])('%s is %s', (hex, text) => {
    expect(disassembleInstruction(decode(hex)[0]!)).toBe(text);
  });
});

/** The tool by its plain name or with a version behind it, if it is 19 or later: before, numbers were decimal. */
function llvmTool(name: string): string | undefined {
  for (const command of [process.env[name.toUpperCase().replace('-', '_')], `${name}-19`, `${name}-20`, name]) {
    if (command === undefined) continue;
    try {
      const version = /version (\d+)/.exec(execFileSync(command, ['--version'], { encoding: 'utf8' }));
      if (Number(version?.[1]) >= 19) return command;
    } catch {}
  }
  return undefined;
}

describe('against llvm-objdump, random programs', () => {
  const mc = llvmTool('llvm-mc');
  const objdump = llvmTool('llvm-objdump');

  it.for([
    ['v4', true],
    ['v1', false],
  ] as const)('--mcpu=%s', ([cpu, alu32], { skip }) => {
    if (mc === undefined || objdump === undefined) return skip('needs llvm-mc and llvm-objdump, 19 or later');
    // what LLVM has no text of its own for is left out
    const shared = (instruction: Instruction): boolean => {
      if (instruction.opcode === OPCODE.LD_IMM64) return instruction.src === 0;
      if (instruction.opcode === OPCODE.CALL) return instruction.src === BPF_CALL.HELPER;
      // v1 has no 32-bit atomics: LLVM reads some as others there
      if (instruction.opcode === (BPF_CLASS.STX | BPF_MODE.ATOMIC | BPF_SIZE.W)) return alu32;
      return true;
    };
    const programs = fc.sample(anyProgram, 400).flat().filter(shared);
    const program = place(programs.map(({ slot: _, ...fields }) => fields));
    const folder = mkdtempSync(join(tmpdir(), 'disassemble-'));
    try {
      const source = join(folder, 'program.s');
      writeFileSync(source, `.byte ${[...encodeProgram(program)].join('\n.byte ')}\n`);
      execFileSync(mc, ['-triple', 'bpfel', '-filetype=obj', source, '-o', join(folder, 'program.o')]);
      const text = execFileSync(objdump, ['-d', `--mcpu=${cpu}`, '--no-show-raw-insn', join(folder, 'program.o')], {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      });
      const theirs = text
        .split('\n')
        .map((line) => /^\s+\d+:\s+(.*)$/.exec(line)?.[1])
        .filter((line) => line !== undefined)
        .map((line) => line.replace(/ <[^<>]+>$/, ''));
      expect(theirs.length).toBe(program.length);
      expect(disassemble(program, { alu32 }).trimEnd().split('\n')).toEqual(theirs);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
