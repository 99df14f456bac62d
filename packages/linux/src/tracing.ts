/** Hanging tracing programs on the tracepoints of the system xdp, whatever kind they are. */
import type { BpfProgram } from '@cpumap/bpf';
import type { EventDefinition, EventName } from '@cpumap/tracepoints';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE, type Features, KernelError, progTypeName } from '@cpumap/uapi';
import type { RecordSource } from './event-record.ts';
import { attachPerfTracepoint, attachRawTracepoint, canOpenPerfTracepoint, type LinuxLink } from './link.ts';
import { hasTracefs, tracepointId } from './tracefs.ts';
import { structOffsets, tracepointBtfId } from './vmlinux-btf.ts';

type Tracing = Pick<BpfProgram, 'name' | 'type' | 'expectedAttachType' | 'attachTo'>;

/** The event that a tracing program says it is for. @throws KernelError EINVAL, ENOENT */
export function eventOf({ name, type, attachTo }: Tracing, events: ReadonlyMap<EventName, EventDefinition>): EventName {
  const refuse = (hint: string): never => {
    throw new KernelError('EINVAL', `attach ${name}`, { hint });
  };
  const { TRACEPOINT, RAW_TRACEPOINT, TRACING } = BPF_PROG_TYPE;
  if (type !== TRACEPOINT && type !== RAW_TRACEPOINT && type !== TRACING) {
    return refuse(`it is a program of type ${progTypeName(type)}, not a tracing one`);
  }
  if (attachTo === undefined || attachTo === '') return refuse('it does not say which tracepoint it is for');
  const event = attachTo.replace(/^xdp[/:]/, '') as EventName;
  if (events.has(event)) return event;
  throw new KernelError('ENOENT', `tracepoint ${attachTo}`, {
    hint: `this kernel has ${[...events.keys()].join(', ')}`,
  });
}

/** What a tp_btf program has to be loaded with; undefined for all others. @throws KernelError ENOENT */
export function attachBtfIdOf(program: Tracing, events: ReadonlyMap<EventName, EventDefinition>): number | undefined {
  if (program.type !== BPF_PROG_TYPE.TRACING) return undefined;
  if (program.expectedAttachType !== BPF_ATTACH_TYPE.TRACE_RAW_TP) return undefined;
  return tracepointBtfId(eventOf(program, events));
}

/** @throws KernelError ENOENT (no tracefs), EACCES, EPERM, EINVAL */
export function attachToEvent({ type }: Tracing, fd: number, event: EventName): LinuxLink {
  if (type === BPF_PROG_TYPE.TRACEPOINT) return attachPerfTracepoint(fd, tracepointId(event));
  return attachRawTracepoint(fd, type === BPF_PROG_TYPE.TRACING ? undefined : event);
}

/** Where our own programs get their records: perf events where they can be opened, raw tracepoints else. @throws KernelError */
export function recordSource(features: Features): RecordSource {
  if (hasTracefs() && canOpenPerfTracepoint(tracepointId('xdp_exception'))) return { kind: 'perf' };
  if (features.redirectMissVerdict) return { kind: 'raw', offsets: structOffsets() };
  throw new KernelError('ENOENT', 'tracefs', {
    hint: 'before Linux 5.13 counting needs it, and perf_event_open: mount -t tracefs nodev /sys/kernel/tracing',
  });
}
