/**
 * The kernel's structs that programs of the engine meet, by the layouts that the engine gives them: what CO-RE relocations
 * of a compiled object find. Names and members are those of the kernel's BTF.
 *
 * Arguments of raw tracepoints: net_device, xdp_cpumap_stats. Records of tracepoints: trace_event_raw_<class>, of which
 * the four redirect events share one. The context of XDP programs: xdp_md.
 */
import type { TargetMember, TargetStruct, TargetTypes } from '@cpumap/bpf';
import {
  type EventDefinition,
  type EventName,
  eventsOf,
  TRACE_NET_DEVICE,
  XDP_CPUMAP_STATS,
} from '@cpumap/tracepoints';
import { type Features, type FieldKind, XDP_MD } from '@cpumap/uapi';

const BYTES: Readonly<Partial<Record<FieldKind, number>>> = { u8: 1, u16: 2, i32: 4, u32: 4 };
/** struct trace_entry: the first 8 bytes of each record, which the format files call common_*. */
const TRACE_ENTRY: TargetStruct = {
  size: 8,
  members: {
    type: { offset: 0, size: 2 },
    flags: { offset: 2, size: 1 },
    preempt_count: { offset: 3, size: 1 },
    pid: { offset: 4, size: 4, signed: true },
  },
};

/** A layout's fields as unsigned members of 4 bytes. */
function words(offsets: Readonly<Record<string, number>>, signed = false): TargetStruct {
  const { sizeof: size, ...fields } = offsets;
  const members = Object.entries(fields).map(([name, offset]) => [name, { offset, size: 4, signed }] as const);
  return { size: size!, members: Object.fromEntries(members) };
}

function recordOf({ fields, offsets }: EventDefinition): TargetStruct {
  const members: Record<string, TargetMember> = { ent: { offset: 0, size: TRACE_ENTRY.size, struct: 'trace_entry' } };
  for (const [name, kind] of Object.entries(fields)) {
    if (name.startsWith('common_')) continue;
    members[name] = { offset: offsets[name]!, size: BYTES[kind]!, signed: kind === 'i32' };
  }
  return { size: offsets.sizeof, members };
}

/** mirrors DECLARE_EVENT_CLASS(xdp_redirect_template) */
function classOf(event: EventName): string {
  return event.startsWith('xdp_redirect') ? 'xdp_redirect_template' : event;
}

/** The types of a release. */
export function engineTargetTypes(features: Features): TargetTypes {
  const structs: Record<string, TargetStruct> = {
    net_device: words(TRACE_NET_DEVICE, true),
    xdp_cpumap_stats: words(XDP_CPUMAP_STATS),
    xdp_md: words(XDP_MD),
    trace_entry: TRACE_ENTRY,
  };
  const widestFirst = [...eventsOf(features).values()].sort((a, b) => b.offsets.sizeof - a.offsets.sizeof);
  for (const event of widestFirst) structs[`trace_event_raw_${classOf(event.name)}`] ??= recordOf(event);
  return { structs };
}
