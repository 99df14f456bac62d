/** What is in modern.o; libbpf 1.1 loaded all of both objects on Linux 6.18.44, apart from xdp_spread_frags. */
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { decodeProgram } from '../../src/isa/codec.ts';
import { checkControlFlow } from '../../src/isa/control-flow.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { objectBytes } from './load.ts';

describe.each(['modern.o', 'modern-19.o'] as const)('%s', (name) => {
  const spec = readObject(objectBytes(name), { name });
  const linked = (program: string) => linkProgram(spec, program);

  it('has programs of all kinds', () => {
    const { XDP, TRACING } = BPF_PROG_TYPE;
    expect([...spec.programs.values()].map((program) => [program.name, program.programType, program.attachTo])).toEqual(
      [
        ['xdp_spread', XDP, ''],
        ['xdp_least_loaded', XDP, ''],
        ['xdp_spread_frags', XDP, ''],
        ['remote_filter', XDP, ''],
        ['remote_redirect', XDP, ''],
        ['egress', XDP, ''],
        ['on_enqueue', TRACING, 'xdp_cpumap_enqueue'],
        ['on_kthread', TRACING, 'xdp_cpumap_kthread'],
        ['on_redirect_err', TRACING, 'xdp_redirect_err'],
        ['on_exception', TRACING, 'xdp_exception'],
      ],
    );
    expect(spec.programs.get('xdp_spread_frags')).toMatchObject({ frags: true, autoload: false });
    expect(spec.notes).toEqual([]);
  });

  it('has its maps with types from BTF, and its variables', () => {
    const { RINGBUF, DEVMAP, HASH } = BPF_MAP_TYPE;
    expect(spec.maps.get('events')).toMatchObject({ type: RINGBUF, maxEntries: 4096, keySize: 0, valueSize: 0 });
    expect(spec.maps.get('tx_port')).toMatchObject({ type: DEVMAP, valueSize: 8 });
    expect(spec.maps.get('flows')).toMatchObject({ type: HASH, keySize: 12, valueSize: 16 });
    expect(
      spec.maps
        .get('.rodata')!
        .data!.variables.map((variable) => variable.name)
        .sort(),
    ).toEqual(['config', 'cpus_count', 'only_ifindex', 'only_map_id']);
  });

  it('links each program with the functions that it needs, into code that holds together', () => {
    for (const program of spec.programs.keys()) checkControlFlow(decodeProgram(linked(program).code));
    expect(linked('xdp_spread').functions.map((part) => part.name)).toEqual(
      expect.arrayContaining(['count_flow', 'hash']),
    );
    expect(linked('xdp_least_loaded').functions.map((part) => part.name)).toContain('compare');
  });

  it('asks where the fields of the kernel are', () => {
    const asked = (program: string) => linked(program).core.map(({ kind, access }) => `${kind} ${access}`);
    expect(asked('on_redirect_err')).toEqual(['field_byte_offset 0:0', 'field_byte_offset 0:0']);
    expect(new Set(asked('on_kthread'))).toEqual(
      new Set(['field_byte_offset 0:0', 'field_byte_offset 0:1', 'field_byte_offset 0:2', 'field_exists 0:1']),
    );
    expect(asked('xdp_spread')).toEqual([]);
  });
});
