/**
 * One vector of a conformance suite: a program and its memory in, r0 out, on either engine.
 *
 * The program starts with the memory's address in r1 and its length in r2, both 0 if it has none, and may touch that
 * memory and its stack. There are no helpers.
 */
import { createMemory } from '@cpumap/smp';
import { createInterpreter, INTERPRETER_STACK_SIZE } from './interp/interpreter.ts';
import { decodeProgram } from './isa/codec.ts';
import { compileProgram } from './jit/compile.ts';
import { instantiateProgram, JIT_STACK_SIZE } from './jit/instance.ts';
import { regionListSize, writeRegionList } from './jit/regions.ts';

export const ENGINES = ['interp', 'jit'] as const;
export type Engine = (typeof ENGINES)[number];

/** The first page stays free, so that no pointer is NULL. */
const STACK = 0x1_0000;
const REGIONS = STACK + Math.max(INTERPRETER_STACK_SIZE, JIT_STACK_SIZE);
const DATA = REGIONS + 64 * Math.ceil(regionListSize(1) / 64);

/** All 64 bits of r0, unsigned. @throws KernelError for a refused program, ProgramFault for one that goes wrong */
export function runConformanceVector(program: Uint8Array, data: Uint8Array, engine: Engine): bigint {
  const instructions = decodeProgram(program);
  const memory = createMemory(DATA + data.length);
  memory.u8.set(data, DATA);
  const start = data.length === 0 ? 0 : DATA;
  if (engine === 'interp') {
    const mayAccess = (address: number, size: number): boolean =>
      address >= DATA && address + size <= DATA + data.length;
    const interpreter = createInterpreter({ memory, instructions, stack: STACK, mayAccess });
    interpreter.run(start, data.length);
    return interpreter.result();
  }
  writeRegionList(memory, REGIONS, [{ start: DATA, length: data.length, writable: true }]);
  const instance = instantiateProgram(compileProgram(instructions), { memory, stack: STACK, regions: REGIONS });
  instance.run(start, data.length);
  const fault = instance.fault();
  if (fault !== undefined) throw fault;
  return instance.result();
}
