/** What statements are made of: registers, numbers with their ranges, memory operands. */
import { FRAME_POINTER } from '../isa/opcodes.ts';
import { type Cursor, quote, type Token } from './scanner.ts';

export interface RegisterOperand {
  readonly token: Token;
  readonly number: number;
  /** 64 for r0 to r10, 32 for w0 to w10. */
  readonly bits: 32 | 64;
}

const REGISTER = /^([rw])(\d+)$/;

export function isRegister({ kind, text }: Token): boolean {
  return kind === 'word' && REGISTER.test(text);
}

export function parseRegister(cursor: Cursor, bits?: 32 | 64): RegisterOperand {
  const token = cursor.next();
  const match = REGISTER.exec(token.text);
  if (match === null) cursor.fail(`a register was expected, not ${quote(token)}`, token);
  const number = Number(match[2]);
  if (number > FRAME_POINTER) cursor.fail(`there is no register ${token.text}: there are r0 to r10`, token);
  const operand: RegisterOperand = { token, number, bits: match[1] === 'r' ? 64 : 32 };
  if (bits !== undefined && operand.bits !== bits) {
    cursor.fail(
      `${token.text} has ${operand.bits} bits here, and ${bits} are needed: ${bits === 64 ? 'r' : 'w'}${number}`,
      token,
    );
  }
  return operand;
}

/** An optional sign, then digits; `token` is where it begins. */
export function parseNumber(cursor: Cursor): NumberOperand {
  const token = cursor.peek();
  const negative = cursor.accept('-');
  if (!negative) cursor.accept('+');
  const digits = cursor.next();
  if (digits.kind !== 'number') cursor.fail(`a number was expected, not ${quote(digits)}`, digits);
  const value = BigInt(digits.text);
  return { token, value: negative ? -value : value };
}

export interface NumberOperand {
  readonly token: Token;
  readonly value: bigint;
}

/** A number between `min` and `max`, as 32 bits with a sign. */
function ranged(cursor: Cursor, { token, value }: NumberOperand, what: string, min: bigint, max: bigint): number {
  if (value < min || value > max) cursor.fail(`${what} must be between ${min} and ${max}, not ${value}`, token);
  return Number(BigInt.asIntN(32, value));
}

/**
 * The 32-bit `imm`. Beyond 0x7fffffff only where 32 bits are all there is: in a 64-bit operation such a number would be
 * extended to another one.
 */
export function checkImm(cursor: Cursor, number: NumberOperand, bits: 32 | 64): number {
  const what = bits === 64 ? 'an immediate that is extended to 64 bits' : 'an immediate';
  return ranged(cursor, number, what, -0x80000000n, bits === 64 ? 0x7fffffffn : 0xffffffffn);
}

export function parseImm(cursor: Cursor, bits: 32 | 64): number {
  return checkImm(cursor, parseNumber(cursor), bits);
}

export function parseOffset(cursor: Cursor, what = 'an offset'): number {
  return ranged(cursor, parseNumber(cursor), what, -0x8000n, 0x7fffn);
}

/** Any 64 bits, signed or unsigned. */
export function checkImm64(cursor: Cursor, { token, value }: NumberOperand): bigint {
  if (value < -(1n << 63n) || value >= 1n << 64n) cursor.fail(`${value} does not fit in 64 bits`, token);
  return BigInt.asUintN(64, value);
}

/** `r1 + 0x4`, without parentheses; the offset may be left out. */
export function parseAddress(cursor: Cursor): { base: number; offset: number } {
  const base = parseRegister(cursor, 64).number;
  const { text } = cursor.peek();
  return { base, offset: text === '+' || text === '-' ? parseOffset(cursor) : 0 };
}

export interface MemoryType {
  readonly token: Token;
  readonly signed: boolean;
  readonly bits: 8 | 16 | 32 | 64;
}

const MEMORY_TYPE = /^([us])(8|16|32|64)$/;

/** `(u32 *)`. */
export function parseMemoryType(cursor: Cursor): MemoryType {
  cursor.expect('(');
  const token = cursor.next();
  const match = MEMORY_TYPE.exec(token.text);
  if (match === null) cursor.fail(`u8, u16, u32, u64, s8, s16 or s32 was expected, not ${quote(token)}`, token);
  cursor.expect('*');
  cursor.expect(')');
  return { token, signed: match[1] === 's', bits: Number(match[2]) as MemoryType['bits'] };
}
