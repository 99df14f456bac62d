import type { Btf, CollectionSpec, ObjectMap } from '@cpumap/bpf';
import { describe, expect, it } from 'vitest';
import { keyReader, valueReader } from '../src/map-values.ts';

/** enum state, a bit-field of 4 bytes, bytes, two numbers, and a struct that holds a nameless union of them. */
const BTF: Btf = {
  types: [
    { kind: 'void', name: '' },
    { kind: 'int', name: 'u32', size: 4, encoding: 0, bitOffset: 0, bits: 32 },
    { kind: 'int', name: 's64', size: 8, encoding: 1, bitOffset: 0, bits: 64 },
    { kind: 'int', name: 'u8', size: 1, encoding: 0, bitOffset: 0, bits: 8 },
    {
      kind: 'enum',
      name: 'state',
      size: 4,
      signed: false,
      values: [
        { name: 'IDLE', value: 0 },
        { name: 'BUSY', value: 7 },
      ],
    },
    { kind: 'array', name: '', type: 3, indexType: 1, length: 6 },
    { kind: 'array', name: '', type: 1, indexType: 1, length: 2 },
    {
      kind: 'union',
      name: '',
      size: 8,
      members: [
        { name: 'pair', type: 6, bitOffset: 0, bits: 0 },
        { name: 'whole', type: 2, bitOffset: 0, bits: 0 },
      ],
    },
    {
      kind: 'struct',
      name: 'value',
      size: 32,
      members: [
        { name: 'state', type: 4, bitOffset: 0, bits: 0 },
        { name: 'low', type: 1, bitOffset: 32, bits: 3 },
        { name: 'high', type: 1, bitOffset: 35, bits: 13 },
        { name: 'mac', type: 5, bitOffset: 64, bits: 0 },
        { name: '', type: 7, bitOffset: 128, bits: 0 },
        { name: 'next', type: 10, bitOffset: 192, bits: 0 },
      ],
    },
    { kind: 'typedef', name: 'value_t', type: 8 },
    { kind: 'ptr', name: '', type: 8 },
  ],
};

function reader(type: number | undefined, btf: Btf | undefined = BTF) {
  const map = { keyType: type, valueType: type, data: undefined } as ObjectMap;
  const read = valueReader({ btf } as CollectionSpec, map);
  return (bytes: Uint8Array) => Object.fromEntries(read(bytes).map(({ path, value }) => [path, value]));
}

describe('values with types', () => {
  it('are read member by member, through typedefs, unions, bit-fields and arrays', () => {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 7, true);
    view.setUint32(4, 5 | (4097 << 3), true);
    bytes.set([2, 0, 0, 0, 0, 1], 8);
    view.setBigInt64(16, -2n, true);
    view.setBigUint64(24, 0xffff_8881_0000_0000n, true);
    expect(reader(9)(bytes)).toEqual({
      state: 'BUSY',
      low: 5,
      high: 4097,
      mac: '0x020000000001',
      'pair[0]': 0xfffffffe,
      'pair[1]': 0xffffffff,
      whole: -2,
      next: '0xffff888100000000',
    });
  });

  it('keep numbers beyond 2^53 and constants without a name', () => {
    expect(reader(2)(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80))).toEqual({ '': -(2n ** 63n) });
    expect(reader(4)(Uint8Array.of(9, 0, 0, 0))).toEqual({ '': 9 });
  });
});

describe('values without types', () => {
  const plain = reader(undefined, undefined);
  it.each([
    [[1, 2, 0, 0], { '': 513 }],
    [[1, 0], { '': 1 }],
    [[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], { 'u64[0]': 1, 'u64[1]': 2 }],
    [[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], { 'u32[0]': 1, 'u32[1]': 2, 'u32[2]': 3 }],
    [[1, 2, 3], { '': '0x010203' }],
  ])('%j', (bytes, leaves) => {
    expect(plain(Uint8Array.from(bytes))).toEqual(leaves);
  });
});

it('keys are read by their own type', () => {
  const spec = { btf: BTF } as CollectionSpec;
  const read = keyReader(spec, { keyType: 4, valueType: 1 } as ObjectMap);
  expect(read(new Uint8Array(4))).toMatchObject([{ path: '', value: 'IDLE', sums: false }]);
});
