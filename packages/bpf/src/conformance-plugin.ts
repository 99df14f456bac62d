/**
 * The command that conformance suites for BPF runtimes start, once a vector:
 *
 *   node dist/conformance-plugin.js [--engine interp|jit] [MEMORY_HEX] < PROGRAM_HEX
 *
 * The program comes as hex on standard input, the memory that it works on as hex in the argument; white space counts
 * for nothing in either. On standard output: r0 in hex. A program that is refused or goes wrong: why, on standard error,
 * and exit code 1.
 */
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { ENGINES, runConformanceVector } from './conformance.ts';

function parseHex(what: string, hex: string): Uint8Array {
  const digits = hex.replace(/\s/g, '');
  const stranger = /[^0-9a-fA-F]/.exec(digits);
  if (stranger !== null) throw new Error(`the ${what} must be hex digits, and has a "${stranger[0]}"`);
  if (digits.length % 2 !== 0) throw new Error(`the ${what} has ${digits.length} hex digits: half a byte is missing`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

async function main(args: string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args,
    options: { engine: { type: 'string', default: 'interp' } },
    allowPositionals: true,
  });
  const engine = ENGINES.find((name) => name === values.engine);
  if (engine === undefined) throw new Error(`there is no engine "${values.engine}": use ${ENGINES.join(' or ')}`);
  if (positionals.length > 1) throw new Error('one argument at most: the memory, as hex');
  const memory = parseHex('memory', positionals[0] ?? '');
  const program = parseHex('program', await text(process.stdin));
  return runConformanceVector(program, memory, engine).toString(16);
}

try {
  process.stdout.write(`${await main(process.argv.slice(2))}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
