/** Loads, stores and atomics, and which addresses a program may touch. */
import { describe, expect, it } from 'vitest';
import { ProgramFault } from '../../src/interp/fault.ts';
import { DATA, DATA_SIZE, machineWith, READ_ONLY, resultOf, STACK_END } from './machine.ts';

function faultOf(program: string, r1 = DATA): ProgramFault {
  const { interpreter } = machineWith(program);
  try {
    interpreter.run(r1);
  } catch (error) {
    if (error instanceof ProgramFault) return error;
    throw error;
  }
  throw new Error('it came to its end');
}

describe('loads and stores', () => {
  it.each([
    ['*(u8 *)', 1n, 0xf8n],
    ['*(u16 *)', 2n, 0xf7f8n],
    ['*(u32 *)', 4n, 0xf5f6f7f8n],
    ['*(u64 *)', 8n, 0xf1f2f3f4f5f6f7f8n],
    ['*(s8 *)', 1n, 0xfffffffffffffff8n],
    ['*(s16 *)', 2n, 0xfffffffffffff7f8n],
    ['*(s32 *)', 4n, 0xfffffffff5f6f7f8n],
  ])('%s, at any alignment', (type, _, expected) => {
    for (const offset of [0, 1, 2, 3, 7]) {
      const text = `r2 = 0xf1f2f3f4f5f6f7f8 ll\n*(u64 *)(r1 + ${offset}) = r2\nr0 = ${type}(r1 + ${offset})\nexit`;
      expect(resultOf(text)).toBe(expected);
    }
  });

  it.each([
    ['u8', 0xffffffffffffff78n],
    ['u16', 0xffffffffffff5678n],
    ['u32', 0xffffffff12345678n],
    ['u64', 0x12345678n],
  ])('a store of a %s constant leaves the rest', (type, expected) => {
    const text = `r2 = -1\n*(u64 *)(r1 + 0) = r2\n*(${type} *)(r1 + 0) = 0x12345678\nr0 = *(u64 *)(r1 + 0)\nexit`;
    expect(resultOf(text)).toBe(expected);
  });

  it('a 64-bit constant is extended with its sign', () => {
    expect(resultOf('*(u64 *)(r1 + 0) = -2\nr0 = *(u64 *)(r1 + 0)\nexit')).toBe(0xfffffffffffffffen);
  });
});

describe('atomic operations', () => {
  const before = 'r2 = 0xf0f0f0f0f0f0f0f0 ll\n*(u64 *)(r1 + 8) = r2\nr3 = 0xff00ff00ff00ff ll\n';
  it.each([
    ['+=', 0xf0f0f0f0f0f0f0f0n + 0xff00ff00ff00ffn],
    ['|=', 0xf0f0f0f0f0f0f0f0n | 0xff00ff00ff00ffn],
    ['&=', 0xf0f0f0f0f0f0f0f0n & 0xff00ff00ff00ffn],
    ['^=', 0xf0f0f0f0f0f0f0f0n ^ 0xff00ff00ff00ffn],
  ])('%s on 64 and on 32 bits', (sign, value) => {
    const wide = BigInt.asUintN(64, value);
    expect(resultOf(`${before}lock *(u64 *)(r1 + 8) ${sign} r3\nr0 = *(u64 *)(r1 + 8)\nexit`)).toBe(wide);
    const narrow = 0xf0f0f0f000000000n | BigInt.asUintN(32, value);
    expect(resultOf(`${before}lock *(u32 *)(r1 + 8) ${sign} w3\nr0 = *(u64 *)(r1 + 8)\nexit`)).toBe(narrow);
  });

  it('fetch gives what was there, zero-extended from 32 bits', () => {
    expect(resultOf(`${before}r3 = atomic_fetch_add((u64 *)(r1 + 8), r3)\nr0 = r3\nexit`)).toBe(0xf0f0f0f0f0f0f0f0n);
    expect(resultOf(`${before}w3 = atomic_fetch_xor((u32 *)(r1 + 8), w3)\nr0 = r3\nexit`)).toBe(0xf0f0f0f0n);
  });

  it('an exchange gives the old value and leaves the new', () => {
    expect(resultOf(`${before}r3 = xchg_64(r1 + 8, r3)\nr0 = r3\nexit`)).toBe(0xf0f0f0f0f0f0f0f0n);
    expect(resultOf(`${before}r3 = xchg_64(r1 + 8, r3)\nr0 = *(u64 *)(r1 + 8)\nexit`)).toBe(0xff00ff00ff00ffn);
    expect(resultOf(`${before}w3 = xchg32_32(r1 + 8, w3)\nr0 = *(u64 *)(r1 + 8)\nexit`)).toBe(0xf0f0f0f000ff00ffn);
  });

  it('a compare-and-exchange writes only on a match, and always gives the old value in r0', () => {
    const read = 'r0 = *(u64 *)(r1 + 8)\nexit';
    expect(resultOf(`${before}r0 = r2\nr0 = cmpxchg_64(r1 + 8, r0, r3)\n${read}`)).toBe(0xff00ff00ff00ffn);
    expect(resultOf(`${before}r0 = 1\nr0 = cmpxchg_64(r1 + 8, r0, r3)\n${read}`)).toBe(0xf0f0f0f0f0f0f0f0n);
    expect(resultOf(`${before}r0 = 1\nr0 = cmpxchg_64(r1 + 8, r0, r3)\nexit`)).toBe(0xf0f0f0f0f0f0f0f0n);
    expect(resultOf(`${before}r0 = -1\nw0 = cmpxchg32_32(r1 + 8, w0, w3)\nexit`)).toBe(0xf0f0f0f0n);
  });

  it('must be aligned', () => {
    expect(faultOf('lock *(u64 *)(r1 + 4) += r2\nexit')).toMatchObject({
      kind: 'misaligned',
      slot: 0,
      address: DATA + 4,
    });
    expect(faultOf('lock *(u32 *)(r1 + 2) += w2\nexit')).toMatchObject({ kind: 'misaligned', address: DATA + 2 });
  });
});

describe('an access that is not allowed', () => {
  it.each([
    ['behind a region', `r0 = *(u8 *)(r1 + ${DATA_SIZE})`, DATA + DATA_SIZE],
    ['across its end', `r0 = *(u32 *)(r1 + ${DATA_SIZE - 2})`, DATA + DATA_SIZE - 2],
    ['before it', 'r0 = *(u8 *)(r1 - 1)', DATA - 1],
    ['above the stack', 'r0 = *(u8 *)(r10 + 0)', STACK_END],
    ['across the top of the stack', 'r0 = *(u64 *)(r10 - 4)', STACK_END - 4],
    ['below the stack', 'r0 = *(u8 *)(r10 - 513)', STACK_END - 513],
    ['through NULL', 'r1 = 0\nr0 = *(u64 *)(r1 + 16)', 16],
    ['below zero', 'r1 = 0\nr0 = *(u64 *)(r1 - 16)', -16],
    ['with an upper half', 'r3 = 0x100000000 ll\nr1 += r3\nr0 = *(u64 *)(r1 + 0)', 0x100000000 + DATA],
    ['beyond the memory', 'r1 = 0x7fffffff\nr0 = *(u64 *)(r1 + 0)', 0x7fffffff],
  ])('%s', (_, text, address) => {
    expect(faultOf(`${text}\nexit`)).toMatchObject({ kind: 'access', address });
  });

  it('a write where only reading is allowed', () => {
    const { memory, interpreter } = machineWith('r0 = *(u64 *)(r1 + 0)\nexit');
    memory.u32[READ_ONLY >> 2] = 7;
    expect(interpreter.run(READ_ONLY)).toBe(7);
    expect(faultOf('*(u8 *)(r1 + 0) = 1\nexit', READ_ONLY)).toMatchObject({ kind: 'access', address: READ_ONLY });
    expect(faultOf('lock *(u64 *)(r1 + 0) += r2\nexit', READ_ONLY)).toMatchObject({ kind: 'access' });
  });

  it('says what was tried where', () => {
    const { message } = faultOf('r0 = 1 ll\nr0 = *(u32 *)(r1 + 0x3e)\nexit');
    expect(message).toBe("slot 2: r0 = *(u32 *)(r1 + 0x3e): 4 bytes at 0x2003e are not the program's to read");
  });
});
