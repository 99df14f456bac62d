/** Programs from the builder: the text that they are, the maps that they name, and what is refused. */
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_FUNC, BPF_MAP_TYPE, XDP_DROP, XDP_MD, XDP_PASS } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { type ProgramBuilder, programBuilder } from '../../src/asm/builder.ts';
import { disassemble } from '../../src/asm/disassemble.ts';
import { r0, r1, r2, r3, r4, r6, r10 } from '../../src/asm/registers.ts';
import { createInterpreter, INTERPRETER_STACK_SIZE } from '../../src/interp/interpreter.ts';
import { relocateMaps } from '../../src/isa/map-references.ts';
import { arrayMapTypes } from '../../src/maps/array-map.ts';
import { createMap } from '../../src/maps/create-map.ts';

const lines = (built: ProgramBuilder): string[] => disassemble(built.build().instructions).trim().split('\n');

describe('each method is one instruction', () => {
  const ended = (write: (p: ProgramBuilder) => ProgramBuilder): string =>
    lines(write(programBuilder()).exit().label('end').exit())[0]!;

  it.each<[string, (p: ProgramBuilder) => ProgramBuilder]>([
    ['r1 = r2', (p) => p.mov(r1, r2)],
    ['w1 = -0x1', (p) => p.mov32(r1, 0xffffffff)],
    ['r1 += r2', (p) => p.add(r1, r2)],
    ['w1 -= 0x3', (p) => p.sub32(r1, 3)],
    ['r1 s/= -0x3', (p) => p.sdiv(r1, -3)],
    ['w1 s%= w2', (p) => p.smod32(r1, r2)],
    ['r1 /= r2', (p) => p.div(r1, r2)],
    ['r1 %= 0x3', (p) => p.mod(r1, 3)],
    ['r1 *= r2', (p) => p.mul(r1, r2)],
    ['r1 |= r2', (p) => p.or(r1, r2)],
    ['r1 &= 0xff', (p) => p.and(r1, 0xff)],
    ['w1 ^= w2', (p) => p.xor32(r1, r2)],
    ['r1 <<= 0x20', (p) => p.lsh(r1, 32)],
    ['r1 >>= r2', (p) => p.rsh(r1, r2)],
    ['r1 s>>= 0x3', (p) => p.arsh(r1, 3)],
    ['r1 = (s32)r2', (p) => p.movsx(32, r1, r2)],
    ['w1 = (s8)w2', (p) => p.movsx32(8, r1, r2)],
    ['r1 = -r1', (p) => p.neg(r1)],
    ['w1 = -w1', (p) => p.neg32(r1)],
    ['r1 = be16 r1', (p) => p.be(16, r1)],
    ['r1 = le32 r1', (p) => p.le(32, r1)],
    ['r1 = bswap64 r1', (p) => p.bswap(64, r1)],
    ['r2 = *(u32 *)(r1 + 0x10)', (p) => p.load('u32', r2, r1, XDP_MD.rx_queue_index)],
    ['r2 = *(s16 *)(r1 + 0x0)', (p) => p.load('s16', r2, r1)],
    ['*(u64 *)(r10 - 0x8) = r2', (p) => p.store('u64', r10, -8, r2)],
    ['*(u8 *)(r10 - 0x1) = 0x7', (p) => p.store('u8', r10, -1, 7)],
    ['lock *(u64 *)(r1 + 0x8) += r2', (p) => p.atomic('add', 'u64', r1, 8, r2)],
    ['w2 = atomic_fetch_xor((u32 *)(r1 + 0x0), w2)', (p) => p.atomic('fetch-xor', 'u32', r1, 0, r2)],
    ['r2 = xchg_64(r1 + 0x0, r2)', (p) => p.atomic('xchg', 'u64', r1, 0, r2)],
    ['r0 = cmpxchg_64(r1 + 0x0, r0, r2)', (p) => p.atomic('cmpxchg', 'u64', r1, 0, r2)],
    ['r1 = -0x1 ll', (p) => p.load64(r1, 0xffffffffffffffffn)],
    ['r1 = map_by_fd(0x0) ll', (p) => p.loadMap(r1, 'm')],
    ['r1 = map_val(map_by_fd(0x0)) + 0x8 ll', (p) => p.loadMapValue(r1, 'm', 8)],
    ['r1 = code_addr(0x2) ll', (p) => p.loadFunction(r1, 'end')],
    ['if r1 s> r2 goto +0x1', (p) => p.jump('s>', r1, r2, 'end')],
    ['if w1 & 0x7 goto +0x1', (p) => p.jump32('&', r1, 7, 'end')],
    ['goto +0x1', (p) => p.goto('end')],
    ['gotol +0x1', (p) => p.gotol('end')],
    ['call 0x33', (p) => p.call(BPF_FUNC.redirect_map)],
    ['call pc+0x1', (p) => p.callFunction('end')],
    ['call kfunc(0x5)', (p) => p.callKfunc(5)],
    ['callx r1', (p) => p.callRegister(r1)],
  ])('%s', (text, write) => {
    expect(ended(write)).toBe(text);
  });
});

it('labels go forward and back, also over wide loads', () => {
  const loop = programBuilder().load64(r0, 0n).label('top').add(r0, 1).load64(r2, 5n).jump('<', r0, r2, 'top').exit();
  expect(lines(loop)).toEqual(['r0 = 0x0 ll', 'r0 += 0x1', 'r2 = 0x5 ll', 'if r0 < r2 goto -0x4', 'exit']);
});

describe('maps', () => {
  const counter = programBuilder()
    .mov(r6, r1)
    .loadMapValue(r1, 'counters', 8)
    .mov(r2, 1)
    .atomic('add', 'u64', r1, 0, r2)
    .loadMap(r1, 'counters')
    .mov(r2, 0)
    .call(BPF_FUNC.map_lookup_elem)
    .jump('==', r0, 0, 'none')
    .load('u64', r0, r0, 8)
    .exit()
    .label('none')
    .mov(r0, XDP_DROP)
    .exit()
    .build();

  it('are references by name until the program is loaded', () => {
    expect(counter.mapReferences).toEqual([
      { slot: 1, kind: 'map-value', target: 'counters', offset: 8 },
      { slot: 5, kind: 'map', target: 'counters', offset: 0 },
    ]);
  });

  it('are addresses then, and the program runs on them', () => {
    const memory = createMemory(1 << 20);
    const allocator = createAllocator(memory);
    const types = arrayMapTypes(memory, allocator, 1);
    const map = createMap(
      { memory, allocator, types },
      { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 16, maxEntries: 1 },
      1,
    );
    const instructions = relocateMaps(counter, { counters: map.pointer }, memory);
    const value = Number(instructions[1]!.imm) - 8;
    const interpreter = createInterpreter({
      memory,
      instructions,
      stack: allocator.alloc(INTERPRETER_STACK_SIZE),
      mayAccess: (at, size) => at >= value && at + size <= value + 16,
      helpers: { [BPF_FUNC.map_lookup_elem]: (pointer) => (pointer === map.pointer ? value : 0) },
    });
    interpreter.run(0);
    expect(interpreter.run(0)).toBe(2);
    expect([...map.lookup(0)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('that are missing are named', () => {
    const memory = createMemory(65536);
    const missing = expect.objectContaining({
      code: 'EBADF',
      hint: expect.stringContaining('there is no map "counters"'),
    });
    expect(() => relocateMaps(counter, { other: 1 }, memory)).toThrow(missing);
    expect(() => relocateMaps({ ...counter, mapReferences: [] }, {}, memory)).toThrow('nothing says which');
  });
});

describe('refused', () => {
  it.each<[string, () => unknown, string]>([
    ['a label that is nowhere', () => programBuilder().goto('x').build(), 'slot 0: there is no label "x"'],
    ['a label twice', () => programBuilder().label('x').exit().label('x'), 'the label "x" was there before'],
    ['no exit', () => programBuilder().mov(r0, XDP_PASS).build(), 'runs past its end'],
    ['nothing', () => programBuilder().build(), 'at least one instruction'],
    ['a write to r10', () => programBuilder().mov(r10, 0), 'r10 is the frame pointer'],
    ['a number of 33 bits', () => programBuilder().mov(r0, 0x80000000), '2147483648 is no immediate'],
    ['half a number', () => programBuilder().add(r3, 0.5), '0.5 is no immediate'],
    ['a number of 65 bits', () => programBuilder().load64(r4, 1n << 64n), 'does not fit in 64 bits'],
    ['an offset of 17 bits', () => programBuilder().load('u8', r0, r1, 40000), 'offset'],
  ])('%s', (_, act, hint) => {
    expect(act).toThrow(expect.objectContaining({ code: 'EINVAL', hint: expect.stringContaining(hint) }));
  });

  it('a jump too far, unless it is gotol', () => {
    const far = (jump: 'goto' | 'gotol'): ProgramBuilder => {
      const p = programBuilder()[jump]('end');
      for (let i = 0; i < 32768; i++) p.mov(r0, 0);
      return p.label('end').exit();
    };
    expect(() => far('goto').build()).toThrow('"end" is 32768 slots away: use gotol');
    expect(far('gotol').build().instructions).toHaveLength(32770);
  });
});
