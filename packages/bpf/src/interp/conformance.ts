/**
 * One vector of a conformance suite: a program and its memory in, r0 out.
 *
 * The program starts with the memory's address in r1 and its length in r2, both 0 if it has none, and may touch that
 * memory and its stack. There are no helpers.
 */
import { createMemory } from '@cpumap/smp';
import { decodeProgram } from '../isa/codec.ts';
import { createInterpreter, INTERPRETER_STACK_SIZE } from './interpreter.ts';

/** The first page stays free, so that no pointer is NULL. */
const STACK = 0x1_0000;
const DATA = STACK + INTERPRETER_STACK_SIZE;

/** All 64 bits of r0, unsigned. @throws KernelError for a refused program, ProgramFault for one that goes wrong */
export function runConformanceVector(program: Uint8Array, data: Uint8Array): bigint {
  const instructions = decodeProgram(program);
  const memory = createMemory(DATA + data.length);
  memory.u8.set(data, DATA);
  const interpreter = createInterpreter({
    memory,
    instructions,
    stack: STACK,
    mayAccess: (address, size) => address >= DATA && address + size <= DATA + data.length,
  });
  interpreter.run(data.length === 0 ? 0 : DATA, data.length);
  return interpreter.result();
}
