/**
 * One statement of assembly text as one instruction, its label, if it goes to one, still a name.
 *
 * Which instruction a line is shows at its first word or sign, and for assignments at what follows the `=`.
 */
import { type Instruction, joinImm64 } from '../isa/instruction.ts';
import { BPF_ALU, BPF_ATOMIC, BPF_CALL, BPF_CLASS, BPF_IMM64, BPF_MODE, BPF_SOURCE, OPCODE } from '../isa/opcodes.ts';
import {
  checkImm,
  checkImm64,
  isRegister,
  type MemoryType,
  parseAddress,
  parseImm,
  parseMemoryType,
  parseNumber,
  parseOffset,
  parseRegister,
  type RegisterOperand,
} from './operands.ts';
import { type Cursor, quote, type Token } from './scanner.ts';
import {
  ALU_SIGN,
  ATOMIC_SIGN,
  ATOMIC_WORD,
  inverse,
  JUMP_SIGN,
  REFERENCE_WORD,
  SIZE_BITS,
  VALUE_KIND,
} from './syntax.ts';

/** Where a label's distance goes. */
interface LabelUse {
  readonly token: Token;
  readonly field: 'offset' | 'imm';
}

export interface Statement extends Omit<Instruction, 'slot'> {
  readonly label?: LabelUse;
}

const ALU_CODE = inverse(ALU_SIGN);
const JUMP_CODE = inverse(JUMP_SIGN);
const ATOMIC_OF_SIGN = inverse(ATOMIC_SIGN);
const ATOMIC_OF_WORD = inverse(ATOMIC_WORD);
const SIZE_CODE = inverse(SIZE_BITS);
const REFERENCE_KIND = inverse(REFERENCE_WORD);

const NOTHING = { dst: 0, src: 0, offset: 0, imm: 0 };

/** `+0x3` and `3` are distances in slots, a word is a label. */
function parseTarget(cursor: Cursor, field: 'offset' | 'imm'): Pick<Statement, 'offset' | 'imm' | 'label'> {
  const token = cursor.peek();
  if (token.kind === 'word') return { offset: 0, imm: 0, label: { token: cursor.next(), field } };
  if (field === 'offset') return { offset: parseOffset(cursor, 'the distance of a goto (gotol goes farther)'), imm: 0 };
  return { offset: 0, imm: parseImm(cursor, 64) };
}

function parseCall(cursor: Cursor): Statement {
  const call = { ...NOTHING, opcode: OPCODE.CALL };
  const token = cursor.peek();
  if (token.kind !== 'word') return { ...call, src: BPF_CALL.HELPER, imm: parseImm(cursor, 64) };
  if (cursor.accept('pc')) return { ...call, src: BPF_CALL.LOCAL, imm: parseImm(cursor, 64) };
  if (!cursor.accept('kfunc')) return { ...call, src: BPF_CALL.LOCAL, ...parseTarget(cursor, 'imm') };
  cursor.expect('(');
  const imm = parseImm(cursor, 64);
  const offset = cursor.accept(',') ? parseOffset(cursor) : 0;
  cursor.expect(')');
  return { ...call, src: BPF_CALL.KFUNC, imm, offset };
}

/** A register or an immediate after an operator: what fills src, imm and the source bit of the opcode. */
function parseSource(cursor: Cursor, bits: 32 | 64): { source: number; src: number; imm: number } {
  if (isRegister(cursor.peek())) return { source: BPF_SOURCE.X, src: parseRegister(cursor, bits).number, imm: 0 };
  return { source: BPF_SOURCE.K, src: 0, imm: parseImm(cursor, bits) };
}

function parseIf(cursor: Cursor): Statement {
  const left = parseRegister(cursor);
  const sign = cursor.next();
  const code = JUMP_CODE.get(sign.text);
  if (code === undefined) cursor.fail(`a comparison was expected, not ${quote(sign)}`, sign);
  const { source, src, imm } = parseSource(cursor, left.bits);
  cursor.expect('goto');
  const { offset, label } = parseTarget(cursor, 'offset');
  const opcode = (left.bits === 64 ? BPF_CLASS.JMP : BPF_CLASS.JMP32) | code | source;
  return { opcode, dst: left.number, src, offset, imm, ...(label && { label }) };
}

/** The memory operand of a statement, after its `*`: `(u32 *)(r1 + 0x4)`. */
function parseMemory(cursor: Cursor): { type: MemoryType; base: number; offset: number; size: number } {
  const type = parseMemoryType(cursor);
  cursor.expect('(');
  const address = parseAddress(cursor);
  cursor.expect(')');
  return { type, ...address, size: SIZE_CODE.get(type.bits)! };
}

/** w registers may be written for what moves 32 bits or less, as LLVM does from v3 on; the bytes are the same. */
function parseMoved(cursor: Cursor, { bits }: MemoryType): number {
  return bits === 64 ? parseRegister(cursor, 64).number : parseRegister(cursor).number;
}

function parseStore(cursor: Cursor): Statement {
  const { type, base, offset, size } = parseMemory(cursor);
  if (type.signed) cursor.fail(`a store has no sign: u${type.bits}`, type.token);
  cursor.expect('=');
  const mode = BPF_MODE.MEM | size;
  if (isRegister(cursor.peek())) {
    return { opcode: BPF_CLASS.STX | mode, dst: base, src: parseMoved(cursor, type), offset, imm: 0 };
  }
  return { opcode: BPF_CLASS.ST | mode, dst: base, src: 0, offset, imm: parseImm(cursor, type.bits === 64 ? 64 : 32) };
}

function parseLoad(cursor: Cursor, to: RegisterOperand): Statement {
  const { type, base, offset, size } = parseMemory(cursor);
  if (type.signed && type.bits === 64) cursor.fail('64 bits have no sign to extend: u64', type.token);
  if (to.bits === 32 && (type.signed || type.bits === 64)) {
    cursor.fail(`this load fills 64 bits: r${to.number}, not w${to.number}`, to.token);
  }
  const mode = type.signed ? BPF_MODE.MEMSX : BPF_MODE.MEM;
  return { opcode: BPF_CLASS.LDX | mode | size, dst: to.number, src: base, offset, imm: 0 };
}

function atomicOpcode(cursor: Cursor, { bits, signed, token }: MemoryType): number {
  if (signed || bits < 32) cursor.fail(`atomic operations are on u32 and u64, not ${token.text}`, token);
  return BPF_CLASS.STX | BPF_MODE.ATOMIC | SIZE_CODE.get(bits)!;
}

/** `lock *(u64 *)(r1 + 0x0) += r2`, after the first word. */
function parseLock(cursor: Cursor): Statement {
  cursor.expect('*');
  const { type, base, offset } = parseMemory(cursor);
  const opcode = atomicOpcode(cursor, type);
  const sign = cursor.next();
  const imm = ATOMIC_OF_SIGN.get(sign.text);
  if (imm === undefined) cursor.fail(`+=, |=, &= or ^= was expected, not ${quote(sign)}`, sign);
  return { opcode, dst: base, src: parseMoved(cursor, type), offset, imm };
}

/** The register that takes what was in memory must be the one that the instruction has. */
function expectSame(cursor: Cursor, to: RegisterOperand, from: RegisterOperand): void {
  if (to.number === from.number && to.bits === from.bits) return;
  cursor.fail(`${from.token.text} and ${to.token.text} must be the same register`, from.token);
}

/** `atomic_fetch_add((u64 *)(r1 + 0x0), r2)`, after its word. */
function parseFetch(cursor: Cursor, to: RegisterOperand, operation: number): Statement {
  cursor.expect('(');
  const { type, base, offset } = parseMemory(cursor);
  const opcode = atomicOpcode(cursor, type);
  cursor.expect(',');
  const from = parseRegister(cursor, type.bits === 64 ? 64 : 32);
  cursor.expect(')');
  expectSame(cursor, to, from);
  return { opcode, dst: base, src: from.number, offset, imm: operation | BPF_ATOMIC.FETCH };
}

/** `xchg_64(r1 + 0x0, r2)` and `cmpxchg32_32(r1 + 0x0, w0, w2)`, after their words. */
function parseExchange(cursor: Cursor, to: RegisterOperand, compare: boolean, bits: 32 | 64): Statement {
  cursor.expect('(');
  const { base, offset } = parseAddress(cursor);
  cursor.expect(',');
  const old = parseRegister(cursor, bits);
  expectSame(cursor, to, old);
  if (compare && old.number !== 0) cursor.fail('what is compared, and what was there, is r0', old.token);
  let from = old;
  if (compare) {
    cursor.expect(',');
    from = parseRegister(cursor, bits);
  }
  cursor.expect(')');
  const opcode = BPF_CLASS.STX | BPF_MODE.ATOMIC | SIZE_CODE.get(bits)!;
  return { opcode, dst: base, src: from.number, offset, imm: compare ? BPF_ATOMIC.CMPXCHG : BPF_ATOMIC.XCHG };
}

/** `map_by_fd(0x5)`: which kind, which number. */
function parseReference(cursor: Cursor): Pick<Statement, 'src' | 'imm' | 'label'> {
  const word = cursor.next();
  const kind = REFERENCE_KIND.get(word.text);
  if (kind === undefined) cursor.fail(`a value was expected, not ${quote(word)}`, word);
  cursor.expect('(');
  const label = kind === BPF_IMM64.CODE_ADDR && cursor.peek().kind === 'word' ? cursor.next() : undefined;
  const imm = label === undefined ? parseImm(cursor, 32) : 0;
  cursor.expect(')');
  return { src: kind, imm, ...(label && { label: { token: label, field: 'imm' } }) };
}

/** A 64-bit immediate that is no number. */
function parseWideReference(cursor: Cursor, dst: number): Statement {
  const value = cursor.accept('map_val');
  if (value) cursor.expect('(');
  const name = cursor.peek();
  const reference = parseReference(cursor);
  const wide = { ...NOTHING, opcode: OPCODE.LD_IMM64, dst };
  if (!value) {
    cursor.expect('ll');
    return { ...wide, ...reference, imm64: joinImm64(reference.imm, 0) };
  }
  const src = VALUE_KIND.get(reference.src);
  if (src === undefined) cursor.fail(`map_val is of map_by_fd or map_by_idx, not of ${name.text}`, name);
  cursor.expect(')');
  const { text } = cursor.peek();
  const offset = text === '+' || text === '-' ? parseImm(cursor, 64) : 0;
  cursor.expect('ll');
  return { ...wide, src, imm: reference.imm, imm64: joinImm64(reference.imm, offset) };
}

const SWAP = /^(be|le|bswap)(16|32|64)$/;
const FETCH = /^atomic_fetch_(\w+)$/;
const EXCHANGE = /^(cmp)?xchg(?:(_64)|32_32)$/;

/** `r1 = ...`, where what follows begins with a word that is no register. */
function parseOperation(cursor: Cursor, to: RegisterOperand): Statement {
  const word = cursor.peek();
  const swap = SWAP.exec(word.text);
  if (swap !== null) {
    cursor.next();
    expectSame(cursor, to, parseRegister(cursor, 64));
    const classAndSource =
      swap[1] === 'bswap' ? BPF_CLASS.ALU64 : BPF_CLASS.ALU | (swap[1] === 'be' ? BPF_SOURCE.X : 0);
    return { ...NOTHING, opcode: classAndSource | BPF_ALU.END, dst: to.number, imm: Number(swap[2]) };
  }
  const exchange = EXCHANGE.exec(word.text);
  if (exchange !== null) {
    cursor.next();
    return parseExchange(cursor, to, exchange[1] !== undefined, exchange[2] !== undefined ? 64 : 32);
  }
  const operation = ATOMIC_OF_WORD.get(FETCH.exec(word.text)?.[1] ?? '');
  if (operation !== undefined) {
    cursor.next();
    return parseFetch(cursor, to, operation);
  }
  return parseWideReference(cursor, to.number);
}

/** `r1 = 0x5`, or with `ll` behind it the wide load. */
function parseConstant(cursor: Cursor, to: RegisterOperand, opcode: number): Statement {
  const number = parseNumber(cursor);
  if (!cursor.accept('ll')) return { ...NOTHING, opcode, dst: to.number, imm: checkImm(cursor, number, to.bits) };
  if (to.bits === 32) cursor.fail(`a 64-bit immediate needs r${to.number}`, to.token);
  const imm64 = checkImm64(cursor, number);
  return { ...NOTHING, opcode: OPCODE.LD_IMM64, dst: to.number, imm: Number(BigInt.asIntN(32, imm64)), imm64 };
}

function parseAssignment(cursor: Cursor, to: RegisterOperand): Statement {
  const aluClass = to.bits === 64 ? BPF_CLASS.ALU64 : BPF_CLASS.ALU;
  const move = aluClass | BPF_ALU.MOV;
  if (cursor.accept('*')) return parseLoad(cursor, to);
  if (cursor.accept('(')) {
    const type = cursor.next();
    const bits = { s8: 8, s16: 16, s32: 32 }[type.text];
    if (bits === undefined || bits >= to.bits) cursor.fail(`a sign cannot be extended from ${quote(type)} here`, type);
    cursor.expect(')');
    const from = parseRegister(cursor, to.bits);
    return { opcode: move | BPF_SOURCE.X, dst: to.number, src: from.number, offset: bits, imm: 0 };
  }
  if (isRegister(cursor.peek())) {
    return { ...NOTHING, opcode: move | BPF_SOURCE.X, dst: to.number, src: parseRegister(cursor, to.bits).number };
  }
  if (cursor.peek().text === '-' && isRegister(cursor.peek(1))) {
    cursor.expect('-');
    expectSame(cursor, to, parseRegister(cursor));
    return { ...NOTHING, opcode: aluClass | BPF_ALU.NEG, dst: to.number };
  }
  return cursor.peek().kind === 'word' ? parseOperation(cursor, to) : parseConstant(cursor, to, move);
}

function parseArithmetic(cursor: Cursor): Statement {
  const to = parseRegister(cursor);
  const sign = cursor.next();
  if (sign.text === '=') return parseAssignment(cursor, to);
  const signedDivision = sign.text === 's/=' || sign.text === 's%=';
  const code = ALU_CODE.get(signedDivision ? sign.text.slice(1) : sign.text);
  if (code === undefined) cursor.fail(`an operator such as = or += was expected, not ${quote(sign)}`, sign);
  const { source, src, imm } = parseSource(cursor, to.bits);
  const opcode = (to.bits === 64 ? BPF_CLASS.ALU64 : BPF_CLASS.ALU) | code | source;
  return { opcode, dst: to.number, src, offset: signedDivision ? 1 : 0, imm };
}

/** Reads one statement; what follows it is the caller's to refuse. */
export function parseStatement(cursor: Cursor): Statement {
  const first = cursor.peek();
  if (isRegister(first)) return parseArithmetic(cursor);
  cursor.next();
  switch (first.text) {
    case 'exit':
      return { ...NOTHING, opcode: OPCODE.EXIT };
    case 'goto':
      return { ...NOTHING, opcode: OPCODE.JA, ...parseTarget(cursor, 'offset') };
    case 'gotol':
      return { ...NOTHING, opcode: OPCODE.JA32, ...parseTarget(cursor, 'imm') };
    case 'if':
      return parseIf(cursor);
    case 'call':
      return parseCall(cursor);
    case 'callx':
      return { ...NOTHING, opcode: OPCODE.CALLX, dst: parseRegister(cursor, 64).number };
    case 'lock':
      return parseLock(cursor);
    case '*':
      return parseStore(cursor);
    default:
      return cursor.fail(`an instruction was expected, not ${quote(first)}`, first);
  }
}
