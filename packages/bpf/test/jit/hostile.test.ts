/** Programs that mean harm: what is not theirs keeps its bytes, and they end. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/asm/assemble.ts';
import { compileProgram } from '../../src/jit/compile.ts';
import { FAULTED, JIT_STACK_SIZE } from '../../src/jit/instance.ts';
import { CONTEXT, machine, PACKET, POISON, REGIONS, STACK, VALUES, XDP_CONTEXT } from './machine.ts';

const SIZES = [
  [1, 'u8'],
  [2, 'u16'],
  [4, 'u32'],
  [8, 'u64'],
] as const;
const LENGTH = 60;
const META = 4;

/** Runs a program with a packet, and checks that only `[from, to)` and the stack may have changed. */
function attack(text: string, from = 0, to = 0, options = {}) {
  const it = machine();
  it.packet(LENGTH, META);
  it.allow({ start: VALUES, length: 16, writable: true }, { start: VALUES + 32, length: 16, writable: false });
  const before = it.snapshot();
  const instance = it.load(assemble(text), { context: XDP_CONTEXT, budget: 10_000, ...options });
  const r0 = instance.run(CONTEXT);
  const after = it.snapshot();
  for (const [i, byte] of after.entries()) {
    const free = (i >= from && i < to) || (i >= STACK && i < STACK + JIT_STACK_SIZE);
    if (!free && byte !== before[i]) throw new Error(`byte 0x${i.toString(16)} was changed`);
  }
  return { r0, fault: instance.fault() };
}

const at = (address: number | bigint, access: string): string => `r2 = ${address} ll\n${access}\nr0 = 2\nexit`;

const plus = (n: number): string => (n < 0 ? `- ${-n}` : `+ ${n}`);

describe.each(SIZES)('an access of %i bytes', (size, type) => {
  const areas = [
    { name: 'packet', start: PACKET - META, end: PACKET + LENGTH, writable: true },
    { name: 'map value', start: VALUES, end: VALUES + 16, writable: true },
    { name: 'read-only map value', start: VALUES + 32, end: VALUES + 48, writable: false },
    { name: 'context', start: CONTEXT, end: CONTEXT + 24, writable: false },
    { name: 'stack', start: STACK + JIT_STACK_SIZE - 512, end: STACK + JIT_STACK_SIZE, writable: true },
  ];
  it.each(areas)('stays inside the $name', ({ start, end, writable }) => {
    for (const address of [start - size, start - 1, start, end - size, end - size + 1, end]) {
      const allowed = address >= start && address + size <= end;
      const read = attack(at(address, `r3 = *(${type} *)(r2 + 0)`));
      expect(read.r0, `read 0x${address.toString(16)}`).toBe(allowed ? 2 : FAULTED);
      const write = attack(at(address, `*(${type} *)(r2 + 0) = 7`), start, end);
      expect(write.r0, `write 0x${address.toString(16)}`).toBe(allowed && writable ? 2 : FAULTED);
      if (allowed && writable) continue;
      expect(write.fault).toMatchObject({ kind: 'access', slot: 2, address });
    }
  });

  it('stays inside the context and its frame where the address is plain to see', () => {
    for (const offset of [-512 - size, -513, -512, -size, 1 - size, 0]) {
      const allowed = offset >= -512 && offset + size <= 0;
      const r0 = attack(`r3 = r10\nr3 += 16\n*(${type} *)(r3 ${plus(offset - 16)}) = 7\nr0 = 2\nexit`).r0;
      expect(r0, `r10 + ${offset}`).toBe(allowed ? 2 : FAULTED);
    }
    for (const offset of [-size, -1, 0, 24 - size, 25 - size, 24]) {
      const allowed = offset >= 0 && offset + size <= 24;
      const r0 = attack(`r6 = r1\nr6 += 8\nr3 = *(${type} *)(r6 ${plus(offset - 8)})\nr0 = 2\nexit`).r0;
      expect(r0, `r1 + ${offset}`).toBe(allowed ? 2 : FAULTED);
      expect(attack(`*(${type} *)(r1 ${plus(offset)}) = 7\nexit`).r0).toBe(FAULTED);
    }
  });

  it('has no address beyond 32 bits', () => {
    for (const high of [1n, 0x7fffffffn, 0x80000000n, 0xffffffffn]) {
      for (const low of [PACKET, VALUES, CONTEXT, STACK + JIT_STACK_SIZE - 8]) {
        const address = (high << 32n) | BigInt(low);
        expect(attack(at(address, `*(${type} *)(r2 + 0) = 7`)).fault?.kind).toBe('access');
      }
    }
  });

  it('finds no packet in one that is shorter', () => {
    for (const length of [-1, 0, size - 1]) {
      const one = machine();
      one.packet(length);
      const text = at(PACKET, `*(${type} *)(r2 + 0) = 7`);
      expect(one.load(assemble(text), { context: XDP_CONTEXT }).run(CONTEXT)).toBe(FAULTED);
      expect(one.memory.u8[PACKET]).toBe(POISON);
    }
  });
});

describe('what a program must not do', () => {
  it.each([
    ['below its frame', '*(u64 *)(r10 - 520) = 1', 'access'],
    ['above the stack', '*(u64 *)(r10 + 0) = 1', 'access'],
    ['across the end of the stack', '*(u64 *)(r10 - 4) = 1', 'access'],
    ['null', 'r2 = 0\n*(u8 *)(r2 + 0) = 1', 'access'],
    ['its own bounds', '*(u32 *)(r1 + 4) = 0x10000', 'access'],
    ['the list of its regions', `r2 = ${REGIONS} ll\n*(u32 *)(r2 + 0) = 9`, 'access'],
    ['the last byte of the memory', 'r2 = 0xffff ll\n*(u8 *)(r2 + 0) = 1', 'access'],
    ['beyond the memory', 'r2 = 0x7fffffff ll\n*(u64 *)(r2 + 0) = 1', 'access'],
  ])('write %s', (_, text, kind) => {
    expect(attack(`${text}\nr0 = 2\nexit`).fault?.kind).toBe(kind);
  });

  it.each([
    ['an empty loop', 'l: goto l'],
    ['a loop with a way out that is never taken', 'r0 = 0\nl: r0 += 1\nif r0 != -1 goto l\nexit'],
    ['a loop with two entries', 'r0 = 0\nif r1 == 0 goto b\na: r0 += 1\nb: r0 += 2\nif r0 != 1 goto a\nexit'],
    ['calls in a loop', 'l: call f\ngoto l\nf: r0 = 0\nexit'],
  ])('run for ever: %s', (_, text) => {
    const { r0, fault } = attack(text);
    expect(r0).toBe(FAULTED);
    expect(fault?.kind).toBe('budget');
  });

  it('call itself for ever', () => {
    expect(attack('f: *(u64 *)(r10 - 512) = 1\ncall f\nexit').fault?.kind).toBe('call-depth');
  });

  it('spread calls like a tree', () => {
    const calls = 'call g\n'.repeat(9);
    const levels = Array.from({ length: 6 }, (_, i) => `f${i}: ${calls.replaceAll('g', `f${i + 1}`)}r0 = 0\nexit`);
    expect(attack(`call f0\nexit\n${levels.join('\n')}\nf6: r0 = 0\nexit`).fault?.kind).toBe('budget');
  });

  it.each([
    ['helper', 'call 4711'],
    ['kfunc', 'call kfunc(17)'],
  ])('call a %s that is not there', (_, text) => {
    expect(attack(`${text}\nexit`).fault).toMatchObject({ kind: 'unknown-helper', slot: 0 });
  });

  it('call a number', () => {
    expect(attack('r3 = 2\ncallx r3\nexit').fault).toMatchObject({ kind: 'bad-call-target', slot: 1 });
  });

  it('use the packet that a helper took away', () => {
    const one = machine();
    one.packet(LENGTH);
    const program = assemble('r6 = *(u32 *)(r1 + 0)\n*(u8 *)(r6 + 40) = 1\ncall 65\n*(u8 *)(r6 + 40) = 2\nexit');
    const shrink = () => {
      one.memory.u32[(CONTEXT + 4) >> 2] = PACKET + 20;
      return 0;
    };
    const instance = one.load(program, { context: XDP_CONTEXT, helpers: { 65: {} } }, { helpers: { 65: shrink } });
    expect(instance.run(CONTEXT)).toBe(FAULTED);
    expect(instance.fault()).toMatchObject({ kind: 'access', slot: 3 });
    expect(one.memory.u8[PACKET + 40]).toBe(1);
  });
});

describe('what a program may do', () => {
  it('write the stack of its callers, which stay after a return', () => {
    const text = 'r1 = r10\nr1 += -8\ncall f\nr0 = *(u64 *)(r10 - 8)\nexit\nf: *(u64 *)(r1 + 0) = 5\nexit';
    expect(attack(text).r0).toBe(5);
  });

  it('exchange 32 bits whatever the upper half of the expected value is', () => {
    const text = 'r0 = 0x500000007 ll\nr2 = 9\n*(u64 *)(r10 - 8) = 7\n';
    const exchange = 'w0 = cmpxchg32_32(r10 - 8, w0, w2)\nr0 = *(u32 *)(r10 - 8)\nexit';
    expect(attack(text + exchange).r0).toBe(9);
  });

  it('run again after a fault', () => {
    const one = machine();
    const instance = one.load(assemble('if r1 == 0 goto bad\nr0 = 3\nexit\nbad: *(u8 *)(r1 + 0) = 1\nexit'));
    expect([instance.run(0), instance.run(1), instance.run(0)]).toEqual([FAULTED, 3, FAULTED]);
  });

  it('go without guards where they were proved', () => {
    const text = at(VALUES + 100, '*(u32 *)(r2 + 0) = 7');
    expect(attack(text).r0).toBe(FAULTED);
    expect(attack(text, VALUES + 100, VALUES + 104, { isProved: (slot: number) => slot === 2 }).r0).toBe(2);
  });

  it('not have a context that it can write and that says where the packet is', () => {
    const context = { ...XDP_CONTEXT, writable: true };
    expect(() => compileProgram(assemble('exit'), { context })).toThrow(RangeError);
  });
});
