/**
 * What the verifier accepts must not fault: random programs and damaged real ones, each run by the interpreter, which
 * looks at every access, on random packets, map values and results of helpers. Compiled, without a guard where the
 * verifier has proved the access, they must do the same, to the last byte of the memory.
 */
import { createMemory } from '@cpumap/smp';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/asm/assemble.ts';
import { ProgramFault } from '../../src/interp/fault.ts';
import { createInterpreter, INTERPRETER_STACK_SIZE } from '../../src/interp/interpreter.ts';
import type { InterpreterHelper } from '../../src/interp/interpreter-helper.ts';
import { type Instruction, nextImm } from '../../src/isa/instruction.ts';
import { relocate } from '../../src/isa/relocate.ts';
import { type CompiledProgram, compileProgram } from '../../src/jit/compile.ts';
import { FAULTED, instantiateProgram } from '../../src/jit/instance.ts';
import type { JitHelper } from '../../src/jit/signatures.ts';
import { randomOf } from '../objects/load.ts';
import { CASES } from './cases.ts';
import { MAPS, RODATA } from './maps.ts';
import { randomXdpProgram } from './random-xdp.ts';
import { answerOf, inputOfProgram } from './verify-text.ts';

const SEED = 20180107;
const PROGRAMS = 600;
const RUNS = 6;

const CONTEXT = 0x1000;
const PACKET = 0x2000;
const VALUE = 0x4000;
const GLOBALS = 0x5000;
const CONSTANTS = 0x6000;
const STACK = 0x8000;
const MAP = 0x7000;
const memory = createMemory(0x10000);

const inside = (at: number, size: number, start: number, length: number): boolean =>
  at >= start && at + size <= start + length;

/** Fills in context, packet, values and stack. */
function prepare(random: (below: number) => number): void {
  const { u8, u32 } = memory;
  u8.fill(0);
  for (let i = PACKET; i < PACKET + 128; i++) u8[i] = random(256);
  for (let i = VALUE; i < VALUE + 64; i++) u8[i] = random(4) === 0 ? random(256) : random(2) * 255;
  for (let i = STACK; i < STACK + INTERPRETER_STACK_SIZE; i++) u8[i] = random(256);
  u8.set(RODATA, CONSTANTS);
  const start = PACKET + 16;
  const length = random(3) === 0 ? random(16) : random(100);
  u32.set([start, start + length, start, 1, 2, 0], CONTEXT >> 2);
}

type CallFunction = (slot: number, r1: number, r2: number, r3: number, r4: number) => number;

/** The helpers that random programs call, with results that are as random. */
function helpersOf(random: (below: number) => number, callFunction: CallFunction): Record<number, InterpreterHelper> {
  const { u32 } = memory;
  return {
    // an array has all its elements
    1: (map, key) => {
      const { type, maxEntries } = MAPS[map - MAP - 1]!;
      const isArray = type === BPF_MAP_TYPE.ARRAY;
      return (isArray ? u32[key >> 2]! < maxEntries : random(6) > 0) ? VALUE : 0;
    },
    7: () => pickNumber(random),
    8: () => random(256),
    44: (_ctx, delta) => {
      const data = u32[CONTEXT >> 2]! + delta;
      if (data < PACKET || data > u32[(CONTEXT + 4) >> 2]!) return -22;
      u32[CONTEXT >> 2] = data;
      return 0;
    },
    181: (turns, callback, context) => {
      for (let i = 0; i < turns; i++) if (callFunction(callback, i, context, 0, 0) !== 0) return i + 1;
      return turns;
    },
  };
}

const PARAMS = { 1: 2, 7: 0, 8: 0, 44: 2, 181: 3 } as const;
const SIGNATURES = Object.fromEntries(
  Object.entries(PARAMS).map(([id, n]) => [
    id,
    { params: Array<'i32'>(n).fill('i32'), result: 'f64' as const, callsBack: id === '181' },
  ]),
);

/** A run by the interpreter, or of a compiled program: its fault, its r0, and everything in the memory afterwards. */
function runOn(instructions: readonly Instruction[], seed: number, compiled?: CompiledProgram) {
  const random = randomOf(seed);
  prepare(random);
  const { u32 } = memory;
  if (compiled !== undefined) {
    const helpers = helpersOf(random, (...args) => jit.callFunction(...args));
    const jit = instantiateProgram(compiled, { memory, stack: STACK, helpers: helpers as Record<number, JitHelper> });
    const faulted = jit.run(CONTEXT) === FAULTED;
    return { fault: faulted ? jit.fault() : undefined, r0: jit.result(), after: memory.u8.slice() };
  }
  const mayAccess = (at: number, size: number, write: boolean): boolean => {
    const data = u32[CONTEXT >> 2]!;
    if (!write && (inside(at, size, CONTEXT, 24) || inside(at, size, CONSTANTS, RODATA.length))) return true;
    const isPacket = inside(at, size, data, u32[(CONTEXT + 4) >> 2]! - data);
    return isPacket || inside(at, size, VALUE, 64) || inside(at, size, GLOBALS, 40);
  };
  const helpers = helpersOf(random, (...args) => main.callFunction(...args));
  const main = createInterpreter({ memory, instructions, stack: STACK, mayAccess, helpers });
  try {
    main.run(CONTEXT);
    return { fault: undefined, r0: main.result(), after: memory.u8.slice() };
  } catch (error) {
    if (error instanceof ProgramFault) return { fault: error, r0: 0n, after: memory.u8.slice() };
    throw error;
  }
}

function pickNumber(random: (below: number) => number): number {
  const edges = [0, 1, 7, 56, 63, 64, 255, 0x7fffffff, 0x80000000, 0xffffffff];
  return random(2) === 0 ? edges[random(edges.length)]! : random(0xffffffff);
}

/** Reads all it can out of one accepted program. */
function check(program: readonly Instruction[], what: string): boolean {
  const { result } = answerOf(inputOfProgram(program));
  if (result === undefined) return false;
  const instructions = relocate(program, (one) =>
    one.src === 1 ? MAP + one.imm : (one.imm === 11 ? GLOBALS : CONSTANTS) + nextImm(one),
  );
  const module = compileProgram(instructions, {
    context: { size: 24, packet: { data: 0, dataEnd: 4, dataMeta: 8 } },
    helpers: SIGNATURES,
    isProved: (slot) => result.proved.has(slot),
  });
  for (let i = 0; i < RUNS; i++) {
    const seed = program.length * RUNS + i;
    const reference = runOn(instructions, seed);
    if (reference.fault?.kind === 'unknown-helper') return true; // not every helper is there
    if (reference.fault !== undefined) expect.fail(`${what}: ${reference.fault.message}`);
    const compiled = runOn(instructions, seed, module);
    if (compiled.fault !== undefined) expect.fail(`${what}, compiled: ${compiled.fault.message}`);
    expect(compiled.r0, what).toBe(reference.r0);
    expect(Buffer.compare(compiled.after, reference.after), `${what}: the memory after it`).toBe(0);
  }
  return true;
}

describe('accepted programs do not fault', () => {
  it(`${PROGRAMS} random ones (seeds from ${SEED})`, { timeout: 60_000 }, () => {
    let accepted = 0;
    for (let seed = SEED; seed < SEED + PROGRAMS; seed++) {
      if (check(assemble(randomXdpProgram(seed)), `seed ${seed}`)) accepted++;
    }
    console.info(`accepted ${accepted} of ${PROGRAMS}`);
    expect(accepted).toBeGreaterThan(PROGRAMS / 4);
    expect(accepted).toBeLessThan(PROGRAMS * 0.9);
  });

  it(`damaged ones (seed ${SEED})`, { timeout: 60_000 }, () => {
    const random = randomOf(SEED);
    const originals = Array.from({ length: 60 }, (_, i) => assemble(randomXdpProgram(SEED + i)));
    originals.push(
      ...CASES.slice(0, 150)
        .filter(({ kind }) => kind === undefined)
        .map(({ text }) => assemble(text)),
    );
    let accepted = 0;
    let count = 0;
    for (const original of originals) {
      for (let i = 0; i < 10; i++) {
        const program = original.slice();
        const at = random(program.length);
        const one = program[at]!;
        if (one.imm64 !== undefined || (one.opcode & 0xf7) === 0x85 || one.opcode === 0x95) continue;
        const by = [-8, -1, 1, 4, 8, 64][random(6)]!;
        const isJump = (one.opcode & 0x07) === 5 || (one.opcode & 0x07) === 6;
        if ((one.opcode & 0x07) >= 1 && (one.opcode & 0x07) <= 3) program[at] = { ...one, offset: one.offset + by };
        else if ((one.opcode & 0x08) === 0 && !isJump) program[at] = { ...one, imm: (one.imm + by) | 0 };
        else if (isJump && one.opcode !== 0x05)
          program[at] = { ...one, opcode: one.opcode ^ [0x10, 0x60, 0x30][random(3)]! };
        else program[at] = { ...one, dst: random(10) };
        count++;
        if (check(program, `damaged ${count}`)) accepted++;
      }
    }
    console.info(`accepted ${accepted} of ${count}`);
    expect(accepted).toBeGreaterThan(20);
  });
});
