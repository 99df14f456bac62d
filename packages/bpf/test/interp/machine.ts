/** A memory with one page of data and an interpreter on it, for tests. */
import { createMemory, type Memory } from '@cpumap/smp';
import { assemble } from '../../src/asm/assemble.ts';
import {
  createInterpreter,
  INTERPRETER_STACK_SIZE,
  type Interpreter,
  type InterpreterSpec,
} from '../../src/interp/interpreter.ts';
import type { Instruction } from '../../src/isa/instruction.ts';

const STACK = 0x1_0000;
export const STACK_END = STACK + INTERPRETER_STACK_SIZE;
export const DATA = 0x2_0000;
export const DATA_SIZE = 64;
export const READ_ONLY = 0x3_0000;

export interface TestMachine {
  readonly memory: Memory;
  readonly interpreter: Interpreter;
}

/** Data of 64 bytes at DATA, 8 that may only be read at READ_ONLY. */
export function machineWith(program: string | readonly Instruction[], options?: Partial<InterpreterSpec>): TestMachine {
  const memory = createMemory(4 * 65536);
  const interpreter = createInterpreter({
    memory,
    instructions: typeof program === 'string' ? assemble(program) : program,
    stack: STACK,
    mayAccess: (address, size, write) =>
      (address >= DATA && address + size <= DATA + DATA_SIZE) ||
      (!write && address >= READ_ONLY && address + size <= READ_ONLY + 8),
    ...options,
  });
  return { memory, interpreter };
}

/** r0 of a program given as text, with DATA in r1 and its size in r2. */
export function resultOf(program: string, options?: Partial<InterpreterSpec>): bigint {
  const { interpreter } = machineWith(program, options);
  interpreter.run(DATA, DATA_SIZE);
  return interpreter.result();
}
