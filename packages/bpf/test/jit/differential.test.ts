/** The compiler against the interpreter, on random programs: the same r0, the same memory, the same fault. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ProgramFault } from '../../src/interp/fault.ts';
import { createInterpreter } from '../../src/interp/interpreter.ts';
import type { InterpreterHelper } from '../../src/interp/interpreter-helper.ts';
import type { HelperSignature, JitHelper } from '../../src/jit/signatures.ts';
import { CONTEXT, machine, PACKET, STACK, VALUES, XDP_CONTEXT } from './machine.ts';
import { randomProgram } from './random-program.ts';

const SEED = 20180105;
const RUNS = 1500;
const BUDGET = 3000;
const PACKET_LENGTH = 60;
const META = 8;

const SIGNATURES: Record<number, HelperSignature> = {
  1: { keepsPacket: true },
  2: { params: ['i64', 'i64'], result: 'i64' },
  3: { params: ['i32'], result: 'u32' },
  4: { params: [], result: 'f64', keepsPacket: true },
};
const mix = (a: number, b: number, c: number, d: number, e: number): number => (a ^ b ^ c ^ d ^ e) | 0;
const wideOf = (r: Int32Array, n: number): bigint => (BigInt(r[2 * n + 1]!) << 32n) | BigInt(r[2 * n]! >>> 0);

/** Makes the packet between 1 and 32 bytes long. */
const shorten = (u32: Uint32Array, by: number): number => {
  u32[(CONTEXT + 4) >> 2] = PACKET + 1 + (by & 31);
  return 0xffff_fff0 + (by & 7);
};

it(`does what the interpreter does, on ${RUNS} random programs (seed ${SEED})`, () => {
  const endings = new Map<string, number>();
  const ours = machine();
  const theirs = machine();
  const jitHelpers: Record<number, JitHelper> = {
    1: mix,
    2: (a: bigint, b: bigint) => BigInt.asIntN(64, a - b),
    3: (by: number) => shorten(ours.memory.u32, by),
    4: () => 1.5e12,
  };
  const helpers: Record<number, InterpreterHelper> = {
    1: mix,
    2: (_a, _b, _c, _d, _e, r) => BigInt.asIntN(64, wideOf(r, 1) - wideOf(r, 2)),
    3: (by) => shorten(theirs.memory.u32, by),
    4: () => 1.5e12,
  };
  const inside = (at: number, size: number, start: number, end: number): boolean => at >= start && at + size <= end;
  const mayAccess = (at: number, size: number, write: boolean): boolean =>
    (!write && inside(at, size, CONTEXT, CONTEXT + 24)) ||
    inside(at, size, PACKET - META, theirs.memory.u32[(CONTEXT + 4) >> 2]!) ||
    inside(at, size, VALUES, VALUES + 64) ||
    (!write && inside(at, size, VALUES + 64, VALUES + 72));

  fc.assert(
    fc.property(randomProgram, (program) => {
      for (const one of [ours, theirs]) {
        one.memory.u8.fill(0xa5);
        one.packet(PACKET_LENGTH, META);
        one.allow({ start: VALUES, length: 64, writable: true }, { start: VALUES + 64, length: 8, writable: false });
      }
      const options = { context: XDP_CONTEXT, helpers: SIGNATURES, budget: BUDGET };
      const instance = ours.load(program, options, { helpers: jitHelpers });
      const memory = theirs.memory;
      const model = createInterpreter({
        memory,
        instructions: program,
        stack: STACK,
        mayAccess,
        helpers,
        budget: BUDGET,
      });
      let fault: ProgramFault | undefined;
      try {
        model.run(CONTEXT);
      } catch (error) {
        if (!(error instanceof ProgramFault)) throw error;
        fault = error;
      }
      instance.run(CONTEXT);
      const ending = fault?.kind ?? 'exit';
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
      expect(instance.fault()?.kind ?? 'exit').toBe(ending);
      // the two stop at different instructions of a loop that does not end
      if (ending === 'budget') return;
      if (fault === undefined) expect(instance.result()).toBe(model.result());
      expect(instance.fault()?.slot).toBe(fault?.slot);
      expect(instance.fault()?.address).toBe(fault?.address);
      expect(Buffer.compare(ours.memory.u8, theirs.memory.u8)).toBe(0);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  console.info(`endings: ${[...endings].map(([name, n]) => `${name} ${n}`).join(', ')}`);
  for (const kind of ['exit', 'access', 'misaligned', 'budget', 'unknown-helper', 'call-depth']) {
    expect(endings.get(kind) ?? 0, kind).toBeGreaterThan(5);
  }
});
