/** What is compiled, what is refused, what goes to other threads, and how helpers are called. */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/asm/assemble.ts';
import { compileProgram } from '../../src/jit/compile.ts';
import { instantiateProgram, JIT_STACK_SIZE } from '../../src/jit/instance.ts';
import { CONTEXT, machine, PACKET, STACK, XDP_CONTEXT } from './machine.ts';

describe('a compiled program', () => {
  it('goes through a message port, as to a worker', () => {
    const program = compileProgram(assemble('r2 = *(u32 *)(r1 + 4)\nr0 = 5\ncall 7\nexit'), { helpers: { 7: {} } });
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(program);
    const { message } = receiveMessageOnPort(port2)!;
    const { memory } = machine();
    const instance = instantiateProgram(message, { memory, stack: STACK, helpers: { 7: () => 9 } });
    expect(instance.run(CONTEXT)).toBe(-1);
    expect(instance.fault()?.message).toMatch(/^slot 0: .*the address is not the program's \(0x5004\)$/);
    port1.close();
  });

  it('reads packet, stack and context', () => {
    const one = machine();
    one.packet(60, 4);
    one.memory.u8.set([1, 2, 3, 4], PACKET);
    const text = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r2 + 0)\n*(u64 *)(r10 - 8) = r3\nr0 = *(u32 *)(r10 - 8)\nexit';
    expect(one.load(assemble(text), { context: XDP_CONTEXT }).run(CONTEXT)).toBe(0x04030201);
    expect(one.memory.u8[STACK + JIT_STACK_SIZE - 8]).toBe(1);
  });

  it('is refused with references, without an end, and with 257 functions', () => {
    expect(() => compileProgram(assemble('r1 = map_by_fd(0x5) ll\nexit'))).toThrow('relocate the program first');
    expect(() => compileProgram(assemble('r0 = 0'))).toThrow('runs past its end');
    const text = `${'call pc+0x0\n'.repeat(256)}exit`;
    expect(() => compileProgram(assemble(text))).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  });

  it('is refused with four thousand loops inside each other', () => {
    const n = 4000;
    const heads = Array.from({ length: n }, (_, i) => `l${i}: r0 += 1`);
    const tails = Array.from({ length: n }, (_, i) => `if r0 != ${i} goto l${n - 1 - i}`);
    const program = assemble(`r0 = 0\n${heads.join('\n')}\n${tails.join('\n')}\nexit`);
    expect(() => compileProgram(program)).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  });
});

describe('a helper', () => {
  it.each([
    ['i32', -5, 0xffff_ffff_ffff_fffbn],
    ['u32', -5, 0xffff_fffbn],
    ['f64', 2 ** 40 + 0.5, 2n ** 40n],
    ['i64', -7n, 0xffff_ffff_ffff_fff9n],
  ] as const)('that returns %s', (result, value, r0) => {
    const instance = machine().load(
      assemble('call 3\nexit'),
      { helpers: { 3: { params: [], result } } },
      { helpers: { 3: () => value } },
    );
    instance.run(0);
    expect(instance.result()).toBe(r0);
  });

  it('gets what its signature says', () => {
    const got: unknown[] = [];
    const helper = (...args: unknown[]) => got.push(...args);
    const instance = machine().load(
      assemble('r1 = -2\nr2 = -3\nr3 = 4\ncall kfunc(9)\nexit'),
      { kfuncs: { 9: { params: ['i32', 'i64'] } } },
      { kfuncs: { 9: helper } },
    );
    expect(instance.run(0)).toBe(2);
    expect(got).toEqual([-2, -3n]);
  });

  it('that was promised and is not given is named', () => {
    const program = compileProgram(assemble('call 3\nexit'), { helpers: { 3: {} } });
    expect(() => instantiateProgram(program, { memory: machine().memory, stack: STACK })).toThrow('call helper 3');
  });
});
