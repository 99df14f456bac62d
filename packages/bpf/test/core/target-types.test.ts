import { describe, expect, it } from 'vitest';
import { btfSizeOf, btfTypeName } from '../../src/btf/btf-walk.ts';
import { resolveCore } from '../../src/core/resolve-core.ts';
import { btfOfTargetTypes, type TargetTypes } from '../../src/core/target-types.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { objectBytes } from '../objects/load.ts';

const ENGINE: TargetTypes = {
  structs: {
    net_device: {
      size: 64,
      members: { name: { offset: 0, size: 1, length: 16 }, ifindex: { offset: 40, size: 4, signed: true } },
    },
    xdp_cpumap_stats: {
      size: 16,
      members: { drop: { offset: 0, size: 4 }, pass: { offset: 8, size: 4 }, redirect: { offset: 4, size: 4 } },
    },
    xdp_rxq_info: {
      size: 16,
      members: { dev: { offset: 0, size: 8, pointer: true }, queue_index: { offset: 8, size: 4 } },
    },
    xdp_buff: { size: 24, members: { rxq: { offset: 8, size: 16, struct: 'xdp_rxq_info' } } },
  },
  enums: { xdp_action: { XDP_ABORTED: 0, XDP_DROP: 1 } },
};

describe('btfOfTargetTypes', () => {
  const btf = btfOfTargetTypes(ENGINE);

  it('is BTF that says what the table says', () => {
    const struct = btf.types.findIndex(({ name }) => name === 'net_device');
    expect(btf.types[struct]).toMatchObject({ kind: 'struct', size: 64 });
    expect(btfSizeOf(btf, struct)).toBe(64);
    const members = (name: string) => {
      const type = btf.types.find((one) => one.name === name);
      return type?.kind === 'struct'
        ? type.members.map((member) => [member.name, member.bitOffset / 8, btfTypeName(btf, member.type)])
        : [];
    };
    expect(members('net_device')).toEqual([
      ['name', 0, 'u8[16]'],
      ['ifindex', 40, 's32'],
    ]);
    expect(members('xdp_rxq_info')).toEqual([
      ['dev', 0, 'void *'],
      ['queue_index', 8, 'u32'],
    ]);
    expect(members('xdp_buff')).toEqual([['rxq', 8, 'struct xdp_rxq_info']]);
    expect(btf.types.find(({ kind }) => kind === 'enum')).toMatchObject({ name: 'xdp_action', size: 4, signed: false });
  });

  it('refuses a struct that it does not have', () => {
    const members = { rxq: { offset: 0, size: 8, struct: 'other' } };
    expect(() => btfOfTargetTypes({ structs: { xdp_buff: { size: 8, members } } })).toThrow(
      'struct xdp_buff has a struct other, which the table does not have',
    );
  });
});

describe.each(['modern.o', 'modern-19.o'] as const)('%s on the engine', (object) => {
  const spec = readObject(objectBytes(object));
  const fields = (name: string, types: TargetTypes) => {
    const linked = linkProgram(spec, name);
    const { code, poisoned } = resolveCore(linked, spec.btf!, btfOfTargetTypes(types));
    const view = new DataView(code.buffer);
    const found = linked.core.map(({ slot, kind, access }) => {
      const value = kind === 'field_exists' ? view.getInt32(slot * 8 + 4, true) : view.getInt16(slot * 8 + 2, true);
      return [kind, access, value] as const;
    });
    return { found, poisoned };
  };

  it('reads fields where the table has them; a flavour is the same type', () => {
    const { found, poisoned } = fields('on_kthread', ENGINE);
    expect(found).toEqual(
      expect.arrayContaining([
        ['field_byte_offset', '0:0', 4],
        ['field_byte_offset', '0:1', 8],
      ]),
    );
    expect(found).toContainEqual(['field_exists', '0:1', 0]);
    // the load of the field that does not exist, behind the test
    expect(poisoned).toHaveLength(1);
    expect(poisoned[0]!.what).toMatch(/xdp_cpumap_stats___later \(0:1\)/);
    expect(fields('on_redirect_err', ENGINE)).toEqual({
      found: [
        ['field_byte_offset', '0:0', 40],
        ['field_byte_offset', '0:0', 40],
      ],
      poisoned: [],
    });
  });

  it('poisons what the table does not have', () => {
    const { poisoned } = fields('on_redirect_err', { structs: {} });
    expect(poisoned.map(({ what }) => what)).toEqual(
      new Array(2).fill('field_byte_offset of struct net_device (0:0): the target has no such thing'),
    );
  });
});
