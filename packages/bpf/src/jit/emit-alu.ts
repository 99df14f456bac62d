/**
 * Arithmetic of RFC 9669 as WebAssembly. Most operations are one instruction: shifts mask their count as BPF does.
 * Division and modulo trap in WebAssembly where BPF has a result, so that they look at the divisor first.
 *
 * 32-bit operations work on the low halves and leave the upper half zero.
 */
import type { Instruction } from '../isa/instruction.ts';
import { BPF_ALU, BPF_CLASS, BPF_SOURCE } from '../isa/opcodes.ts';
import { register } from './frame.ts';
import type { WasmWriter } from './wasm-encoder.ts';
import { OP } from './wasm-opcodes.ts';

const PLAIN: ReadonlyMap<number, { w64: number; w32: number }> = new Map([
  [BPF_ALU.ADD, { w64: OP.i64Add, w32: OP.i32Add }],
  [BPF_ALU.SUB, { w64: OP.i64Sub, w32: OP.i32Sub }],
  [BPF_ALU.MUL, { w64: OP.i64Mul, w32: OP.i32Mul }],
  [BPF_ALU.OR, { w64: OP.i64Or, w32: OP.i32Or }],
  [BPF_ALU.AND, { w64: OP.i64And, w32: OP.i32And }],
  [BPF_ALU.LSH, { w64: OP.i64Shl, w32: OP.i32Shl }],
  [BPF_ALU.RSH, { w64: OP.i64ShrU, w32: OP.i32ShrU }],
  [BPF_ALU.XOR, { w64: OP.i64Xor, w32: OP.i32Xor }],
  [BPF_ALU.ARSH, { w64: OP.i64ShrS, w32: OP.i32ShrS }],
]);

/** Division and modulo, [unsigned, signed]. */
const DIVIDE = { w64: [OP.i64DivU, OP.i64DivS], w32: [OP.i32DivU, OP.i32DivS] } as const;
const REMAINDER = { w64: [OP.i64RemU, OP.i64RemS], w32: [OP.i32RemU, OP.i32RemS] } as const;

const SIGN_EXTEND: Readonly<Record<string, number>> = {
  'w64:8': OP.i64Extend8S,
  'w64:16': OP.i64Extend16S,
  'w64:32': OP.i64Extend32S,
  'w32:8': OP.i32Extend8S,
  'w32:16': OP.i32Extend16S,
};

interface Operands {
  /** Puts the value on the stack. */
  readonly a: () => void;
  readonly b: () => void;
  /** The second operand where it is known. */
  readonly constant: number | undefined;
}

export function emitAlu(w: WasmWriter, instruction: Instruction): void {
  const { opcode, dst, src, imm, offset } = instruction;
  const code = opcode & 0xf0;
  if (code === BPF_ALU.END) {
    emitSwap(w, instruction);
    return;
  }
  const wide = (opcode & 0x07) === BPF_CLASS.ALU64;
  const width = wide ? 'w64' : 'w32';
  const fromRegister = (opcode & BPF_SOURCE.X) !== 0;
  const half = (n: number): void => {
    w.get(register(n));
    if (!wide) w.op(OP.i32WrapI64);
  };
  const operands: Operands = {
    a: () => half(dst),
    b: () => {
      if (fromRegister) half(src);
      else if (wide) w.i64(imm);
      else w.i32(imm);
    },
    constant: fromRegister ? undefined : imm,
  };
  const plain = PLAIN.get(code);
  if (plain !== undefined) {
    operands.a();
    operands.b();
    w.op(plain[width]);
  } else if (code === BPF_ALU.NEG) {
    if (wide) w.i64(0);
    else w.i32(0);
    operands.a();
    w.op(wide ? OP.i64Sub : OP.i32Sub);
  } else if (code === BPF_ALU.MOV) {
    operands.b();
    if (offset !== 0) w.op(SIGN_EXTEND[`${width}:${offset}`]!);
  } else if (code === BPF_ALU.DIV) {
    emitDivision(w, width, offset, operands);
  } else {
    emitModulo(w, width, offset, operands);
  }
  if (!wide) w.op(OP.i64ExtendI32U);
  w.set(register(dst));
}

type Width = 'w64' | 'w32';
const TYPE = { w64: 'i64', w32: 'i32' } as const;

function zero(w: WasmWriter, width: Width): void {
  if (width === 'w64') w.i64(0);
  else w.i32(0);
}

function isZero(w: WasmWriter, width: Width, { b }: Operands): void {
  b();
  w.op(width === 'w64' ? OP.i64Eqz : OP.i32Eqz);
}

function emitDivision(w: WasmWriter, width: Width, signed: number, operands: Operands): void {
  const { a, b, constant } = operands;
  const divide = DIVIDE[width][signed]!;
  if (constant !== undefined && constant !== 0 && constant !== -1) {
    a();
    b();
    w.op(divide);
    return;
  }
  if (signed === 0) {
    isZero(w, width, operands);
    w.if(TYPE[width]);
    zero(w, width);
  } else {
    // by 0 and by -1 the product is the quotient that BPF wants, also of INT_MIN, which would trap
    b();
    if (width === 'w64') w.i64(1).op(OP.i64Add).i64(1).op(OP.i64LeU);
    else w.i32(1).op(OP.i32Add).i32(1).op(OP.i32LeU);
    w.if(TYPE[width]);
    a();
    b();
    w.op(width === 'w64' ? OP.i64Mul : OP.i32Mul);
  }
  w.op(OP.else);
  a();
  b();
  w.op(divide, OP.end);
}

/** A remainder by -1 does not trap in WebAssembly. */
function emitModulo(w: WasmWriter, width: Width, signed: number, operands: Operands): void {
  isZero(w, width, operands);
  w.if(TYPE[width]);
  operands.a();
  w.op(OP.else);
  operands.a();
  operands.b();
  w.op(REMAINDER[width][signed]!, OP.end);
}

/** The machine is little-endian: a conversion to little-endian cuts, all others reverse the bytes too. */
function emitSwap(w: WasmWriter, { opcode, dst, imm }: Instruction): void {
  const cut = (opcode & 0x07) === BPF_CLASS.ALU && (opcode & BPF_SOURCE.X) === 0;
  const value = register(dst);
  if (cut) {
    if (imm !== 64) {
      w.get(value)
        .i64(imm === 16 ? 0xffffn : 0xffff_ffffn)
        .op(OP.i64And)
        .set(value);
    }
    return;
  }
  // bytes change places in each half of a 16-bit word, those words in each 32-bit word, those in the whole
  exchange(w, value, 8, 0x00ff_00ff_00ff_00ffn);
  if (imm > 16) exchange(w, value, 16, 0x0000_ffff_0000_ffffn);
  w.get(value);
  if (imm === 64) w.i64(32).op(OP.i64Rotl);
  else w.i64(imm === 16 ? 0xffffn : 0xffff_ffffn).op(OP.i64And);
  w.set(value);
}

/** Neighbours of `bits` bits change places; `mask` has the lower ones. */
function exchange(w: WasmWriter, value: number, bits: number, mask: bigint): void {
  w.get(value).i64(mask).op(OP.i64And).i64(bits).op(OP.i64Shl);
  w.get(value).i64(bits).op(OP.i64ShrU).i64(mask).op(OP.i64And);
  w.op(OP.i64Or).set(value);
}
