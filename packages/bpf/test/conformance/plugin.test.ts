/** The built command, as a conformance suite starts it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PLUGIN = fileURLToPath(new URL('../../dist/conformance-plugin.js', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function plugin(program: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PLUGIN, ...args], { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.end(program);
  });
}

describe('a program that ends', () => {
  it.each([
    ['all 64 bits of r0', 'b7 00 00 00 ff ff ff ff 95 00 00 00 00 00 00 00', [], 'ffffffffffffffff'],
    ['with line breaks', 'b700000005000000\n9500000000000000\n', [], '5'],
    ['upper case digits', 'B700000005000000 9500000000000000', [], '5'],
    ['its memory through r1', '6910000000000000 dc00000010000000 9500000000000000', ['1122'], '1122'],
    ['memory with spaces', '6910000000000000 9500000000000000', ['11 22'], '2211'],
    ["its memory's length in r2", 'bf20000000000000 9500000000000000', ['112233'], '3'],
    ['the interpreter by name', 'b700000005000000 9500000000000000', ['--engine', 'interp'], '5'],
    ['the compiler by name', 'b700000005000000 9500000000000000', ['--engine', 'jit'], '5'],
    ['memory of the compiler', '6910000000000000 9500000000000000', ['--engine', 'jit', '1122'], '2211'],
    ['the engine behind the memory', '7110000000000000 9500000000000000', ['ab', '--engine=interp'], 'ab'],
  ])('prints %s', async (_, program, args, expected) => {
    expect(await plugin(program, ...args)).toEqual({ code: 0, stdout: `${expected}\n`, stderr: '' });
  });
});

describe('everything else ends with 1 and says why', () => {
  it.each([
    ['a refused program', '9510000000000000', [], 'slot 0: opcode 0x95 does not use its source register'],
    ['no program', '', [], 'a program has at least 8 bytes'],
    ['a fault', '7110020000000000 9500000000000000', ['1122'], 'slot 0: r0 = *(u8 *)(r1 + 0x2): 1 bytes at'],
    ['an endless program', '0500ffff00000000', [], '1000000 instructions were executed'],
    ['a helper', '8500000001000000 9500000000000000', [], 'there is no helper 1'],
    ['no hex', 'b7zz', [], 'the program must be hex digits, and has a "z"'],
    ['half a byte', 'b70', [], 'the program has 3 hex digits'],
    ['memory that is no hex', '9500000000000000', ['xy'], 'the memory must be hex digits'],
    ['another engine', '9500000000000000', ['--engine', 'llvm'], 'there is no engine "llvm": use interp or jit'],
    ['a fault of the compiler', '7110020000000000 9500000000000000', ['--engine', 'jit', '1122'], 'slot 0: r0 = *(u8'],
    ['an unknown option', '9500000000000000', ['--debug'], "Unknown option '--debug'"],
    ['two memories', '9500000000000000', ['11', '22'], 'one argument at most'],
  ])('%s', async (_, program, args, why) => {
    const { code, stdout, stderr } = await plugin(program, ...args);
    expect(stderr).toContain(why);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });
});
