import { describe, expect, it } from 'vitest';
import { readBtf } from '../../src/btf/btf.ts';
import { BTF_KIND as KIND } from '../../src/btf/btf-types.ts';
import { btfNamed, btfSizeOf, btfTypeName, skipModifiers } from '../../src/btf/btf-walk.ts';
import { readElf } from '../../src/elf/elf.ts';
import { objectBytes, patched, refusalOf } from '../objects/load.ts';
import { type HandType, handBtf, words } from './build-btf.ts';

const int: HandType = { name: 'int', kind: KIND.INT, word: 4, body: [0x01000020] };
const btfOf = (...types: HandType[]) => readBtf(handBtf(types)).btf;

describe('every kind', () => {
  const { types } = btfOf(
    int,
    { kind: KIND.PTR, word: 1 },
    { kind: KIND.ARRAY, body: [1, 1, 7] },
    { name: 's', kind: KIND.STRUCT, vlen: 2, word: 8, body: ['a', 1, 0, 'b', 2, 32] },
    { name: 'bits', kind: KIND.STRUCT, vlen: 1, flag: true, word: 4, body: ['x', 1, 0x0300_0005] },
    { name: 'u', kind: KIND.UNION, vlen: 1, word: 4, body: ['a', 1, 0] },
    { name: 'e', kind: KIND.ENUM, vlen: 2, flag: true, word: 4, body: ['MINUS', -1, 'TWO', 2] },
    { name: 'e', kind: KIND.ENUM, vlen: 1, word: 4, body: ['BIG', 0xffffffff] },
    { name: 'later', kind: KIND.FWD, flag: true },
    { name: 't', kind: KIND.TYPEDEF, word: 4 },
    { kind: KIND.VOLATILE, word: 1 },
    { kind: KIND.CONST, word: 11 },
    { kind: KIND.RESTRICT, word: 2 },
    { kind: KIND.FUNC_PROTO, vlen: 2, word: 1, body: ['n', 1, 0, 0] },
    { name: 'f', kind: KIND.FUNC, vlen: 2, word: 14 },
    { name: 'v', kind: KIND.VAR, word: 12, body: [1] },
    { name: '.data', kind: KIND.DATASEC, vlen: 1, word: 4, body: [16, 0, 4] },
    { name: 'double', kind: KIND.FLOAT, word: 8 },
    { name: 'user', kind: KIND.DECL_TAG, word: 4, body: [-1] },
    { name: 'rcu', kind: KIND.TYPE_TAG, word: 2 },
    { name: 'wide', kind: KIND.ENUM64, vlen: 1, word: 8, flag: true, body: ['LOW', 0xfffffffe, 0xffffffff] },
    { name: 'wide', kind: KIND.ENUM64, vlen: 1, word: 8, body: ['HIGH', 1, 0x80000000] },
  );
  it.each([
    [0, { kind: 'void', name: '' }],
    [1, { kind: 'int', name: 'int', size: 4, encoding: 1, bitOffset: 0, bits: 32 }],
    [2, { kind: 'ptr', name: '', type: 1 }],
    [3, { kind: 'array', name: '', type: 1, indexType: 1, length: 7 }],
    [
      4,
      {
        kind: 'struct',
        name: 's',
        size: 8,
        members: [
          { name: 'a', type: 1, bitOffset: 0, bits: 0 },
          { name: 'b', type: 2, bitOffset: 32, bits: 0 },
        ],
      },
    ],
    [5, { kind: 'struct', name: 'bits', size: 4, members: [{ name: 'x', type: 1, bitOffset: 5, bits: 3 }] }],
    [6, { kind: 'union', name: 'u', size: 4, members: [{ name: 'a', type: 1, bitOffset: 0, bits: 0 }] }],
    [
      7,
      {
        kind: 'enum',
        name: 'e',
        size: 4,
        signed: true,
        values: [
          { name: 'MINUS', value: -1 },
          { name: 'TWO', value: 2 },
        ],
      },
    ],
    [8, { kind: 'enum', name: 'e', size: 4, signed: false, values: [{ name: 'BIG', value: 0xffffffff }] }],
    [9, { kind: 'fwd', name: 'later', of: 'union' }],
    [10, { kind: 'typedef', name: 't', type: 4 }],
    [11, { kind: 'volatile', name: '', type: 1 }],
    [12, { kind: 'const', name: '', type: 11 }],
    [13, { kind: 'restrict', name: '', type: 2 }],
    [
      14,
      {
        kind: 'func_proto',
        name: '',
        type: 1,
        params: [
          { name: 'n', type: 1 },
          { name: '', type: 0 },
        ],
      },
    ],
    [15, { kind: 'func', name: 'f', type: 14, linkage: 'extern' }],
    [16, { kind: 'var', name: 'v', type: 12, linkage: 'global' }],
    [17, { kind: 'datasec', name: '.data', size: 4, vars: [{ type: 16, offset: 0, size: 4 }] }],
    [18, { kind: 'float', name: 'double', size: 8 }],
    [19, { kind: 'decl_tag', name: 'user', type: 4, component: -1 }],
    [20, { kind: 'type_tag', name: 'rcu', type: 2 }],
    [21, { kind: 'enum64', name: 'wide', size: 8, signed: true, values: [{ name: 'LOW', value: -2n }] }],
    [
      22,
      { kind: 'enum64', name: 'wide', size: 8, signed: false, values: [{ name: 'HIGH', value: 0x8000000000000001n }] },
    ],
  ])('type %i', (id, expected) => {
    expect(types[id]).toEqual(expected);
  });
});

describe('sizes', () => {
  const btf = btfOf(
    int,
    { kind: KIND.ARRAY, body: [1, 1, 3] },
    { kind: KIND.ARRAY, body: [2, 1, 5] },
    { name: 't', kind: KIND.TYPEDEF, word: 3 },
    { kind: KIND.CONST, word: 4 },
    { kind: KIND.PTR, word: 5 },
    { name: 'v', kind: KIND.VAR, word: 5, body: [0] },
    { name: 'a', kind: KIND.TYPEDEF, word: 9 },
    { name: 'b', kind: KIND.TYPEDEF, word: 8 },
    { kind: KIND.ARRAY, body: [10, 1, 1] },
    { kind: KIND.ARRAY, body: [1, 1, 0x7fffffff] },
    { name: 'later', kind: KIND.FWD },
    { kind: KIND.ARRAY, body: [1, 1, 0] },
  );
  it.each([
    [1, 4, 'int'],
    [2, 12, 'int[3]'],
    [5, 60, 't const'],
    [6, 8, 't const *'],
    [7, 60, 'v'],
    [13, 0, 'int[0]'],
    [0, undefined, 'void'],
    [8, undefined, 'a'], // a circle of names
    [10, undefined, `?${'[1]'.repeat(32)}`], // an array of itself
    [11, undefined, 'int[2147483647]'],
    [12, undefined, 'struct later'],
    [99, undefined, '?'],
  ])('type %i takes %s bytes: %s', (id, size, name) => {
    expect(btfSizeOf(btf, id)).toBe(size);
    expect(btfTypeName(btf, id)).toBe(name);
  });
  it('a circle of names ends nowhere', () => {
    expect(skipModifiers(btf, 8)).toBeUndefined();
    expect(skipModifiers(btf, 5)).toMatchObject({ id: 3, type: { kind: 'array' } });
  });
});

describe('what is refused', () => {
  const good = handBtf([int, { kind: KIND.PTR, word: 1 }]);
  it.each<[string, Uint8Array, string, RegExp]>([
    ['nothing', new Uint8Array(), 'truncated', /\.BTF\+0x0/],
    ['another magic', patched(good, 0, 1), 'bad-btf', /magic 0xeb01/],
    ['big-endian', patched(good, 0, 0xeb, 0x9f), 'wrong-format', /big-endian/],
    ['version 2', patched(good, 2, 2), 'unsupported', /BTF version 2/],
    ['a short header', patched(good, 4, 8), 'bad-btf', /a header of 8 bytes/],
    ['types past the end', patched(good, 14, 1), 'truncated', /the list of types/],
    ['strings past the end', patched(good, 22, 1), 'truncated', /the BTF strings/],
    ['a name past the strings', patched(good, 24, 99), 'truncated', /\.BTF \(strings\)\+0x63/],
    ['strings without an end', good.slice(0, -1), 'truncated', /the BTF strings/],
    ['type 9 of 3', handBtf([int, { kind: KIND.PTR, word: 9 }]), 'bad-btf', /type 2 \(ptr \) refers to type 9 of 3/],
    ['a member of type 9', handBtf([{ kind: KIND.STRUCT, vlen: 1, body: ['a', 9, 0] }]), 'bad-btf', /type 9 of 2/],
    ['kind 25', handBtf([{ kind: 25 }]), 'unsupported', /BTF kind 25/],
    ['a linkage of 7', handBtf([{ name: 'f', kind: KIND.FUNC, vlen: 7 }]), 'bad-btf', /f has linkage 7/],
    ['65,535 members in none', handBtf([{ kind: KIND.STRUCT, vlen: 65535 }]), 'truncated', /a list of 65535/],
    [
      'a type that reaches into the strings',
      handBtf([{ name: 'long', kind: KIND.DECL_TAG }]),
      'truncated',
      /past the list of types/,
    ],
    ['half a type', words(0x0001eb9f, 24, 0, 4, 4, 0, 0), 'truncated', /u32/],
  ])('%s', (_, bytes, code, message) => {
    const refusal = refusalOf(() => readBtf(bytes));
    expect(refusal).toMatchObject({ code });
    expect(refusal!.message).toMatch(message);
  });
});

describe('btf-maps.o', () => {
  // bpftool btf dump file btf-maps.o
  const { btf } = readBtf(readElf(objectBytes('btf-maps.o')).sections.find(({ name }) => name === '.BTF')!.bytes);
  it('has 107 types', () => expect(btf.types).toHaveLength(108));
  it('knows struct flow_key', () => {
    const [key] = btfNamed(btf, 'struct', 'flow_key');
    expect(key!.type.members.map(({ name, bitOffset }) => [name, bitOffset])).toEqual([
      ['saddr', 0],
      ['daddr', 32],
      ['ports', 64],
      ['proto', 96],
    ]);
    expect(btfSizeOf(btf, key!.id)).toBe(16);
  });
  it('knows the variables of .maps', () => {
    const [maps] = btfNamed(btf, 'datasec', '.maps');
    const names = maps!.type.vars.map(({ type }) => btf.types[type]!.name);
    expect(names).toEqual(['inner_a', 'inner_b', 'outer', 'jumps', 'cpu_map', 'rx_cnt', 'flows']);
  });
});
