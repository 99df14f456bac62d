/** The events of 6.18, against the format files of a running kernel; those of older releases, against its history. */
import { readFileSync } from 'node:fs';
import { createPrng } from '@cpumap/smp';
import { featuresOf } from '@cpumap/uapi';
import { describeWithData } from '@cpumap/vitest-config/test-data';
import { describe, expect, it } from 'vitest';
import { type EventName, eventsOf } from '../src/events.ts';
import { SLOT_RECORD, traceCpu } from '../src/trace-area.ts';
import { parseFormats } from './support/kernel-format.ts';
import { tracing } from './support/tracing.ts';

const SIZE: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, i32: 4 };
const NOW = eventsOf(featuresOf('6.18'));
const NAMES = [
  'xdp_redirect',
  'xdp_redirect_err',
  'xdp_exception',
  'xdp_cpumap_enqueue',
  'xdp_cpumap_kthread',
  'xdp_devmap_xmit',
] as const;

it('6.18 has these events', () => {
  expect([...NOW.keys()]).toEqual(NAMES);
  for (const [name, event] of NOW) expect(event.name).toBe(name);
});

describeWithData('the format files of 6.18', 'kernel-6.18/tracepoint-formats.txt', (path) => {
  const kernel = parseFormats(readFileSync(path, 'utf8'));

  it.each(NAMES)('%s: fields, offsets, sizes and signs', (name) => {
    const { fields, offsets } = NOW.get(name)!;
    const ours = Object.entries(fields).map(([field, kind]) => ({
      name: field,
      offset: offsets[field],
      size: SIZE[kind],
      signed: kind === 'i32',
    }));
    expect(ours).toEqual(kernel.get(name)!.fields);
  });

  it.each(NAMES)('%s: prints what the kernel prints', (name) => {
    const { fields, print } = NOW.get(name)!;
    const random = createPrng(1);
    for (let i = 0; i < 500; i++) {
      const value = (field: string, kind: string): number => {
        if (field === 'act') return random.below(7);
        const bits = random.below(2 ** random.below(33));
        return kind === 'i32' ? bits | 0 : bits;
      };
      const values = Object.fromEntries(Object.entries(fields).map(([field, kind]) => [field, value(field, kind)]));
      expect(print(values)).toBe(kernel.get(name)!.print(values));
    }
  });

  it.each([
    ['xdp_redirect', { prog_id: 11, ifindex: 2, to_ifindex: 13, err: 0, map_id: 0x80000001, map_index: 17 }, 4],
    ['xdp_redirect_err', { prog_id: 11, ifindex: 2, to_ifindex: 13, err: -22, map_id: 2147483647, map_index: -1 }, 4],
    ['xdp_exception', { prog_id: 11, ifindex: 2 }, 0xffffffff],
    ['xdp_cpumap_enqueue', { map_id: 202, cpu: 1, drops: 3, processed: 8, to_cpu: 5 }, 4],
    [
      'xdp_cpumap_kthread',
      { map_id: 202, cpu: 1, drops: 1, processed: 8, sched: 1, xdp_pass: 4, xdp_drop: 2, xdp_redirect: 1 },
      4,
    ],
  ] as [EventName, Record<string, number>, number][])(
    '%s: a record has its fields where the kernel has them',
    (name, values, act) => {
      const { memory, at, cpus, control } = tracing();
      control.subscribe();
      const v = values as Required<typeof values>;
      const cpu = cpus[1]!;
      if (name === 'xdp_exception') cpu.exception(v.prog_id!, act, v.ifindex!);
      else if (name === 'xdp_cpumap_enqueue') cpu.cpumapEnqueue(v.map_id!, v.processed!, v.drops!, v.to_cpu!);
      else if (name === 'xdp_cpumap_kthread') {
        cpu.cpumapKthread(77, v.map_id!, v.processed!, v.drops!, v.sched!, v.xdp_pass!, v.xdp_drop!, v.xdp_redirect!);
      } else cpu.redirect(v.prog_id!, v.ifindex!, v.to_ifindex!, v.err!, v.map_id!, v.map_index!, true, 16);

      const record = traceCpu(at, 1).slots + SLOT_RECORD;
      const pid = name === 'xdp_cpumap_kthread' ? 77 : 0;
      const common = { common_type: NOW.get(name)!.id, common_flags: 0, common_preempt_count: 0, common_pid: pid };
      const view = new DataView(memory.u8.buffer, record);
      const read = ({ offset, size, signed }: { offset: number; size: number; signed: boolean }): number => {
        if (size === 1) return view.getUint8(offset);
        if (size === 2) return view.getUint16(offset, true);
        return signed ? view.getInt32(offset, true) : view.getUint32(offset, true);
      };
      const found = Object.fromEntries(kernel.get(name)!.fields.map((field) => [field.name, read(field)]));
      expect(found).toEqual({ ...common, ...values, act });
    },
  );
});

describe('older releases', () => {
  const fieldsOf = (release: string, name: EventName) => {
    const event = eventsOf(featuresOf(release)).get(name);
    return event && Object.keys(event.fields).filter((field) => !field.startsWith('common_'));
  };
  const PLAIN = ['prog_id', 'act', 'ifindex', 'err', 'to_ifindex'];
  const WITH_MAP = [...PLAIN, 'map_id', 'map_index'];
  const KTHREAD = ['map_id', 'act', 'cpu', 'drops', 'processed', 'sched'];

  it.each([
    ['4.15', 'xdp_redirect', PLAIN],
    ['4.15', 'xdp_redirect_err', PLAIN],
    ['4.15', 'xdp_redirect_map', WITH_MAP],
    ['4.15', 'xdp_redirect_map_err', WITH_MAP],
    ['4.15', 'xdp_cpumap_kthread', KTHREAD],
    ['5.6', 'xdp_redirect', WITH_MAP],
    ['5.8', 'xdp_cpumap_kthread', KTHREAD],
    ['5.9', 'xdp_cpumap_kthread', [...KTHREAD, 'xdp_pass', 'xdp_drop', 'xdp_redirect']],
    ['6.16', 'xdp_redirect_map', WITH_MAP],
    ['6.17', 'xdp_redirect_map', undefined],
    ['6.17', 'xdp_redirect_map_err', undefined],
  ] as const)('%s: %s has %j', (release, name, fields) => {
    expect(fieldsOf(release, name)).toEqual(fields);
  });

  it('have the same ids, so that one record means the same everywhere', () => {
    for (const [name, event] of eventsOf(featuresOf('4.15'))) {
      expect(event.id).toBe(NOW.get(name)?.id ?? event.id);
    }
    const ids = [...eventsOf(featuresOf('4.15')).values()].map(({ id }) => id);
    expect(ids.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});
