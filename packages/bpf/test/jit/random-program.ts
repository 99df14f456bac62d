/**
 * Random programs that may do anything: touch any memory, loop for ever, jump into loops, call each other, call helpers
 * that are not there. They differ from what a verifier accepts in everything but one: no register is read that a call
 * left undefined, as interpreter and compiler leave different things there.
 */
import fc from 'fast-check';
import { type Instruction, joinImm64, slotCount } from '../../src/isa/instruction.ts';
import { BPF_ALU, BPF_ATOMIC, BPF_CLASS, BPF_JMP, BPF_MODE, BPF_SIZE, OPCODE } from '../../src/isa/opcodes.ts';
import { CONTEXT, PACKET, VALUES } from './machine.ts';

type Fields = Omit<Instruction, 'slot'>;
/** Instructions that stay together; `jump` and `call` name the unit or function that the last, or first, goes to. */
interface Unit {
  readonly fields: readonly Fields[];
  readonly jump?: number;
  readonly call?: number;
}

const plain = (opcode: number, dst: number, src: number, offset: number, imm: number): Fields => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const wide = (dst: number, low: number, high: number, src = 0): Fields => ({
  ...plain(OPCODE.LD_IMM64, dst, src, 0, low),
  imm64: joinImm64(low, high),
});
const one = (fields: Fields): Unit => ({ fields: [fields] });

const target = fc.nat(9);
const any = fc.nat(10);
const imm = fc.oneof(
  fc.constantFrom(0, 1, -1, 7, 64, -0x80000000, 0x7fffffff),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
);
const near = fc.integer({ min: -24, max: 24 });
const x = fc.constantFrom(0, 8);
const { NEG, END, DIV, MOD, MOV, ...REST } = BPF_ALU;
const alu = fc.constantFrom(BPF_CLASS.ALU, BPF_CLASS.ALU64);
const { JA: _ja, CALL: _call, EXIT: _exit, ...COMPARE } = BPF_JMP;
const { FETCH, XCHG, CMPXCHG, ...SIMPLE } = BPF_ATOMIC;
const size = fc.constantFrom(...Object.values(BPF_SIZE));

const arithmetic: fc.Arbitrary<Unit> = fc.oneof(
  fc
    .tuple(alu, fc.constantFrom(...Object.values(REST), MOV), x, target, any, imm)
    .map(([kind, code, s, d, r, k]) => one(plain(kind | code | s, d, s ? r : 0, 0, s ? 0 : k))),
  fc
    .tuple(alu, fc.constantFrom(DIV, MOD), x, target, any, imm, fc.nat(1))
    .map(([kind, code, s, d, r, k, signed]) => one(plain(kind | code | s, d, s ? r : 0, signed, s ? 0 : k))),
  fc.tuple(alu, target).map(([kind, d]) => one(plain(kind | NEG, d, 0, 0, 0))),
  fc
    .tuple(alu, target, any, fc.constantFrom(8, 16))
    .map(([kind, d, r, bits]) => one(plain(kind | MOV | 8, d, r, bits, 0))),
  fc.tuple(target, any).map(([d, r]) => one(plain(BPF_CLASS.ALU64 | MOV | 8, d, r, 32, 0))),
  fc
    .tuple(
      fc.constantFrom(BPF_CLASS.ALU | END, BPF_CLASS.ALU | END | 8, BPF_CLASS.ALU64 | END),
      target,
      fc.constantFrom(16, 32, 64),
    )
    .map(([opcode, d, bits]) => one(plain(opcode, d, 0, 0, bits))),
  fc.tuple(target, imm, imm).map(([d, low, high]) => one(wide(d, low, high))),
);

const pointer: fc.Arbitrary<Unit> = fc.oneof(
  fc
    .tuple(target, fc.constantFrom(CONTEXT, PACKET, VALUES, VALUES + 64), near, fc.constantFrom(0, 0, 0, 0, 0, 1, -1))
    .map(([d, base, by, high]) => one(wide(d, base + by, high))),
  fc.tuple(target, fc.integer({ min: -530, max: 8 })).map(([d, by]) => ({
    fields: [plain(BPF_CLASS.ALU64 | MOV | 8, d, 10, 0, 0), plain(BPF_CLASS.ALU64, d, 0, 0, by)],
  })),
);

/** An access; three in four first make its base a pointer that may do. */
const access: fc.Arbitrary<Unit> = fc
  .record({
    base: fc.oneof({ weight: 3, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: fc.constant(10) }),
    place: fc.option(fc.constantFrom(CONTEXT, PACKET, PACKET, VALUES, VALUES), { freq: 4 }),
    offset: fc.oneof(fc.nat(20), fc.constantFrom(-8, -16, -1, -512, -513, 23, 24, 56, 57, 60)),
    kind: fc.constantFrom('load', 'signed', 'store', 'immediate', 'atomic', 'aligned'),
    bits: size,
    other: target,
    imm,
    operation: fc.constantFrom(...Object.values(SIMPLE).flatMap((op) => [op, op | FETCH]), XCHG, CMPXCHG),
  })
  .map(({ base, place, offset, kind, bits, other, imm: value, operation }) => {
    const fields: Fields[] = place === null || base === 10 ? [] : [wide(base, place, 0)];
    const narrow = bits === BPF_SIZE.DW ? BPF_SIZE.W : bits;
    const word = bits === BPF_SIZE.DW ? BPF_SIZE.DW : BPF_SIZE.W;
    if (kind === 'load') fields.push(plain(BPF_CLASS.LDX | BPF_MODE.MEM | bits, other, base, offset, 0));
    else if (kind === 'signed') fields.push(plain(BPF_CLASS.LDX | BPF_MODE.MEMSX | narrow, other, base, offset, 0));
    else if (kind === 'store') fields.push(plain(BPF_CLASS.STX | BPF_MODE.MEM | bits, base, other, offset, 0));
    else if (kind === 'immediate') fields.push(plain(BPF_CLASS.ST | BPF_MODE.MEM | bits, base, 0, offset, value));
    else {
      const at = kind === 'aligned' ? offset & ~7 : offset;
      fields.push(plain(BPF_CLASS.STX | BPF_MODE.ATOMIC | word, base, other, at, operation));
    }
    return { fields };
  });

const jump: fc.Arbitrary<Unit> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(BPF_CLASS.JMP, BPF_CLASS.JMP32),
      fc.constantFrom(...Object.values(COMPARE)),
      x,
      any,
      any,
      imm,
      fc.nat(),
    )
    .map(([kind, code, s, d, r, k, to]) => ({
      fields: [plain(kind | code | s, d, s ? r : 0, 0, s ? 0 : k)],
      jump: to,
    })),
  fc.nat().map((to) => ({ fields: [plain(OPCODE.JA, 0, 0, 0, 0)], jump: to })),
);

const CLEAR = [1, 2, 3, 4, 5].map((n) => plain(BPF_CLASS.ALU64 | MOV, n, 0, 0, n));
const call: fc.Arbitrary<Unit> = fc.oneof(
  fc.nat().map((to) => ({ fields: [plain(OPCODE.CALL, 0, 1, 0, 0), ...CLEAR], call: to })),
  fc.tuple(target, fc.nat()).map(([d, to]) => ({
    fields: [wide(d, 0, 0, 4), plain(OPCODE.CALLX, d, 0, 0, 0), ...CLEAR],
    call: to,
  })),
  fc.constantFrom(1, 1, 2, 2, 3, 3, 4, 99).map((id) => one(plain(OPCODE.CALL, 0, 0, 0, id))),
);

const unit = fc.oneof(
  { weight: 8, arbitrary: arithmetic },
  { weight: 3, arbitrary: pointer },
  { weight: 6, arbitrary: access },
  { weight: 4, arbitrary: jump },
  { weight: 1, arbitrary: call },
);

const SET_UP: Unit = {
  fields: [0, 6, 7, 8, 9].map((n) => plain(BPF_CLASS.ALU64 | MOV, n, 0, 0, 3 * n)),
};
const EXIT = one(plain(OPCODE.EXIT, 0, 0, 0, 0));

export const randomProgram: fc.Arbitrary<Instruction[]> = fc
  .array(fc.array(unit, { maxLength: 24 }), { minLength: 1, maxLength: 3 })
  .map((bodies) => {
    const functions = bodies.map((body) => [SET_UP, ...body, EXIT]);
    let slot = 0;
    const starts = functions.map((units) =>
      units.map(({ fields }) => {
        const start = slot;
        for (const one of fields) slot += slotCount({ slot, ...one });
        return start;
      }),
    );
    const program: Instruction[] = [];
    for (const [f, units] of functions.entries()) {
      for (const [u, { fields, jump: to, call: callee }] of units.entries()) {
        let at = starts[f]![u]!;
        for (const one of fields) {
          let placed: Instruction = { slot: at, ...one };
          if (to !== undefined) placed = { ...placed, offset: starts[f]![1 + (to % (units.length - 1))]! - at - 1 };
          const names = one.opcode === OPCODE.CALL ? one.src === 1 : one.opcode === OPCODE.LD_IMM64 && one.src === 4;
          if (callee !== undefined && names) {
            const distance = starts[callee % functions.length]![0]! - at - 1;
            placed = { ...placed, imm: distance };
            if (one.opcode === OPCODE.LD_IMM64) placed = { ...placed, imm64: joinImm64(distance, 0) };
          }
          program.push(placed);
          at += slotCount(placed);
        }
      }
    }
    return program;
  });
