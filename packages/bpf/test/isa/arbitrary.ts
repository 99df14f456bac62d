/** Random instructions and programs that the decoder accepts: every opcode, every variant, any operands. */
import fc from 'fast-check';
import { checkControlFlow } from '../../src/isa/control-flow.ts';
import { type Instruction, joinImm64, slotCount } from '../../src/isa/instruction.ts';
import { BPF_ALU, BPF_ATOMIC, BPF_CLASS, BPF_JMP, BPF_MODE, BPF_SIZE, OPCODE } from '../../src/isa/opcodes.ts';

type Fields = Omit<Instruction, 'slot'>;

const anyRegister = fc.nat(10);
const writable = fc.nat(9);
const imm = fc.oneof(fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.constantFrom(0, 1, -1, -0x80000000));
const offset = fc.integer({ min: -0x8000, max: 0x7fff });
const zero = fc.constant(0);
const record = (
  opcode: fc.Arbitrary<number>,
  dst: fc.Arbitrary<number>,
  src: fc.Arbitrary<number>,
  off: fc.Arbitrary<number>,
  immediate: fc.Arbitrary<number>,
): fc.Arbitrary<Fields> => fc.record({ opcode, dst, src, offset: off, imm: immediate });

const aluClass = fc.constantFrom(BPF_CLASS.ALU, BPF_CLASS.ALU64);
const jmpClass = fc.constantFrom(BPF_CLASS.JMP, BPF_CLASS.JMP32);
const size = fc.constantFrom(BPF_SIZE.B, BPF_SIZE.H, BPF_SIZE.W, BPF_SIZE.DW);
const join = (...parts: fc.Arbitrary<number>[]): fc.Arbitrary<number> =>
  fc.tuple(...parts).map((all) => all.reduce((a, b) => a | b, 0));
const only = (n: number): fc.Arbitrary<number> => fc.constant(n);

const { DIV, MOD, MOV, NEG, END, ...PLAIN } = BPF_ALU;
const plain = fc.constantFrom(...Object.values(PLAIN), MOV);
const divide = fc.constantFrom(DIV, MOD);
const { JA: _ja, CALL: _call, EXIT: _exit, ...COMPARE } = BPF_JMP;
const compare = fc.constantFrom(...Object.values(COMPARE));
const { FETCH, XCHG, CMPXCHG, ...SIMPLE } = BPF_ATOMIC;
const X = only(0x08);

const arithmetic = fc.oneof(
  record(join(aluClass, plain), writable, zero, zero, imm),
  record(join(aluClass, plain, X), writable, anyRegister, zero, zero),
  record(join(aluClass, divide), writable, zero, fc.nat(1), imm),
  record(join(aluClass, divide, X), writable, anyRegister, fc.nat(1), zero),
  record(only(BPF_CLASS.ALU | MOV | 8), writable, anyRegister, fc.constantFrom(8, 16), zero),
  record(only(BPF_CLASS.ALU64 | MOV | 8), writable, anyRegister, fc.constantFrom(8, 16, 32), zero),
  record(join(aluClass, only(NEG)), writable, zero, zero, zero),
  record(
    fc.constantFrom(BPF_CLASS.ALU | END, BPF_CLASS.ALU | END | 8, BPF_CLASS.ALU64 | END),
    writable,
    zero,
    zero,
    fc.constantFrom(16, 32, 64),
  ),
);

const memory = fc.oneof(
  record(join(only(BPF_CLASS.LDX | BPF_MODE.MEM), size), writable, anyRegister, offset, zero),
  record(
    join(only(BPF_CLASS.LDX | BPF_MODE.MEMSX), fc.constantFrom(BPF_SIZE.B, BPF_SIZE.H, BPF_SIZE.W)),
    writable,
    anyRegister,
    offset,
    zero,
  ),
  record(join(only(BPF_CLASS.ST | BPF_MODE.MEM), size), anyRegister, zero, offset, imm),
  record(join(only(BPF_CLASS.STX | BPF_MODE.MEM), size), anyRegister, anyRegister, offset, zero),
  record(
    join(only(BPF_CLASS.STX | BPF_MODE.ATOMIC), fc.constantFrom(BPF_SIZE.W, BPF_SIZE.DW)),
    anyRegister,
    writable,
    offset,
    fc.constantFrom(...Object.values(SIMPLE).flatMap((op) => [op, op | FETCH]), XCHG, CMPXCHG),
  ),
);

const wide: fc.Arbitrary<Fields> = fc
  .record({ dst: writable, src: fc.nat(6), low: imm, high: imm })
  .map(({ dst, src, low, high }) => {
    const imm64 = joinImm64(low, src === 0 || src === 2 || src === 6 ? high : 0);
    return { opcode: OPCODE.LD_IMM64, dst, src, offset: 0, imm: low, imm64 };
  });

const control = fc.oneof(
  record(join(jmpClass, compare), anyRegister, zero, offset, imm),
  record(join(jmpClass, compare, X), anyRegister, anyRegister, offset, zero),
  record(only(OPCODE.JA), zero, zero, offset, zero),
  record(only(OPCODE.JA32), zero, zero, zero, imm),
  record(only(OPCODE.CALL), zero, fc.nat(1), zero, imm),
  record(only(OPCODE.CALL), zero, only(2), offset, imm),
  record(only(OPCODE.CALLX), anyRegister, zero, zero, zero),
  record(only(OPCODE.EXIT), zero, zero, zero, zero),
);

/** Puts instructions one after the other. */
export function place(fields: readonly Fields[]): Instruction[] {
  let slot = 0;
  return fields.map((instruction) => {
    const placed = { slot, ...instruction };
    slot += slotCount(placed);
    return placed;
  });
}

/** What the decoder accepts; jumps go anywhere. */
export const anyProgram: fc.Arbitrary<Instruction[]> = fc
  .array(fc.oneof(arithmetic, memory, wide, control), { minLength: 1, maxLength: 20 })
  .map(place);

const branch = fc.oneof(
  record(join(jmpClass, compare), writable, zero, zero, imm),
  record(join(jmpClass, compare, X), writable, anyRegister, zero, zero),
);
const value: fc.Arbitrary<Fields> = fc.record({ dst: writable, low: imm, high: imm }).map(({ dst, low, high }) => ({
  opcode: OPCODE.LD_IMM64,
  dst,
  src: 0,
  offset: 0,
  imm: low,
  imm64: joinImm64(low, high),
}));

/** Programs that run to their end: arithmetic and jumps forward, all registers set first, exit last. */
export const arithmeticProgram: fc.Arbitrary<Instruction[]> = fc
  .tuple(
    fc.array(value, { minLength: 10, maxLength: 10 }),
    fc.array(fc.tuple(fc.oneof({ weight: 5, arbitrary: arithmetic }, { weight: 1, arbitrary: branch }), fc.nat(3)), {
      maxLength: 40,
    }),
  )
  .map(([values, body]) => {
    const exit: Fields = { opcode: OPCODE.EXIT, dst: 0, src: 0, offset: 0, imm: 0 };
    const start = values.map((fields, dst) => ({ ...fields, dst }));
    const rest = body.map(([fields, skip], i) =>
      (fields.opcode & 7) === BPF_CLASS.JMP || (fields.opcode & 7) === BPF_CLASS.JMP32
        ? { ...fields, offset: Math.min(skip, body.length - 1 - i) }
        : fields,
    );
    const program = place([...start, ...rest, exit]);
    checkControlFlow(program);
    return program;
  });
