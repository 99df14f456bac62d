/** The running kernel's own types as target, and what bpftool says of them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readBtf } from '../../src/btf/btf.ts';
import { resolveCore } from '../../src/core/resolve-core.ts';
import { linkProgram } from '../../src/object/link-program.ts';
import { readObject } from '../../src/object/read-object.ts';
import { objectBytes } from '../objects/load.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const BPFTOOL = 'bpftool';

/** Byte offsets of a struct's members, from the lines of `bpftool btf dump`. */
function offsetsOf(dump: string, struct: string): Record<string, number> {
  const lines = dump
    .slice(dump.indexOf(`] STRUCT '${struct}' size=`))
    .split('\n')
    .slice(1);
  const members = lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('[')),
  );
  return Object.fromEntries(
    members.map((line) => {
      const [, name, bits] = /'(.*)' type_id=\d+ bits_offset=(\d+)/.exec(line)!;
      return [name, Number(bits) / 8];
    }),
  );
}

it("modern.o finds the fields of the running kernel's structs", ({ skip }) => {
  if (!existsSync(VMLINUX)) skip(`there is no ${VMLINUX}`);
  const { status, stdout } = spawnSync(BPFTOOL, ['btf', 'dump', 'file', VMLINUX], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) skip('bpftool does not run here');
  const { btf: kernel } = readBtf(new Uint8Array(readFileSync(VMLINUX)));
  const spec = readObject(objectBytes('modern.o'));
  const loads = (name: string) => {
    const linked = linkProgram(spec, name);
    const { code, poisoned } = resolveCore(linked, spec.btf!, kernel);
    const bad = new Set(poisoned.map(({ slot }) => slot));
    const fields = linked.core.filter(({ slot, kind }) => kind === 'field_byte_offset' && !bad.has(slot));
    return fields.map(({ slot, type, access }) => {
      const struct = spec.btf!.types[type]!;
      const member = struct.kind === 'struct' ? struct.members[Number(access.split(':')[1])]!.name : '';
      return [struct.name, member, new DataView(code.buffer).getInt16(slot * 8 + 2, true)];
    });
  };
  const device = offsetsOf(stdout, 'net_device');
  const stats = offsetsOf(stdout, 'xdp_cpumap_stats');
  expect(Object.keys(stats)).toEqual(['redirect', 'pass', 'drop']);
  expect(loads('on_redirect_err')).toEqual(new Array(2).fill(['net_device', 'ifindex', device.ifindex]));
  expect(loads('on_exception')).toEqual([['net_device', 'ifindex', device.ifindex]]);
  const kthread = loads('on_kthread');
  for (const field of ['pass', 'drop', 'redirect']) {
    expect(kthread).toContainEqual(['xdp_cpumap_stats', field, stats[field]]);
  }
});
