/** The members and offsets that bpftool shows in the BTF of Linux 6.18.44, for the engine's table. */
import { engineTargetTypes, loadCollection } from '@cpumap/host';
import { featuresOf } from '@cpumap/uapi';
import { describe, expect, it } from 'vitest';
import { countingHost, specOf } from './support.ts';

const RECORDED: Record<string, [size: number, members: Record<string, number>]> = {
  trace_entry: [8, { type: 0, flags: 2, preempt_count: 3, pid: 4 }],
  trace_event_raw_xdp_exception: [20, { ent: 0, prog_id: 8, act: 12, ifindex: 16 }],
  trace_event_raw_xdp_redirect_template: [
    36,
    { ent: 0, prog_id: 8, act: 12, ifindex: 16, err: 20, to_ifindex: 24, map_id: 28, map_index: 32 },
  ],
  trace_event_raw_xdp_cpumap_enqueue: [
    32,
    { ent: 0, map_id: 8, act: 12, cpu: 16, drops: 20, processed: 24, to_cpu: 28 },
  ],
  trace_event_raw_xdp_cpumap_kthread: [
    44,
    {
      ent: 0,
      map_id: 8,
      act: 12,
      cpu: 16,
      drops: 20,
      processed: 24,
      sched: 28,
      xdp_pass: 32,
      xdp_drop: 36,
      xdp_redirect: 40,
    },
  ],
  trace_event_raw_xdp_devmap_xmit: [
    32,
    { ent: 0, from_ifindex: 8, act: 12, to_ifindex: 16, drops: 20, sent: 24, err: 28 },
  ],
  xdp_cpumap_stats: [12, { redirect: 0, pass: 4, drop: 8 }],
  xdp_md: [24, { data: 0, data_end: 4, data_meta: 8, ingress_ifindex: 12, rx_queue_index: 16, egress_ifindex: 20 }],
};

describe('the types of 6.18', () => {
  const { structs } = engineTargetTypes(featuresOf('6.18'));
  it.each(Object.entries(RECORDED))('%s is as in the kernel', (name, [size, members]) => {
    const struct = structs[name]!;
    const offsets = Object.entries(struct.members).map(([member, { offset }]) => [member, offset]);
    expect(Object.fromEntries(offsets)).toEqual(members);
    expect(Math.ceil(struct.size / 8) * 8).toBe(Math.ceil(size / 8) * 8);
  });
});

it('4.15 counted no second programs', () => {
  const { structs } = engineTargetTypes(featuresOf('4.15'));
  expect(structs.trace_event_raw_xdp_cpumap_kthread!.members).not.toHaveProperty('xdp_pass');
  expect(structs).not.toHaveProperty('trace_event_raw_xdp_devmap_xmit');
  expect(structs.trace_event_raw_xdp_redirect_template!.members).toHaveProperty('map_index');
});

it('programs that read them through CO-RE load, and what no kernel has is left alone', async () => {
  const host = await countingHost();
  const { programs } = await loadCollection(host, specOf('modern.o'), { programs: ['on_kthread', 'on_redirect_err'] });
  expect(programs.size).toBe(2);
  await host.close();
});
