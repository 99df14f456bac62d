/**
 * Our own tracing programs: for each event one that counts, and one that copies its record into a ring buffer. Both look
 * first whether the event is of this backend: a cpumap's by the map's id, a redirect's or an exception's by the id of the
 * program. A frame that was sent through a devmap names neither: those events are everybody's.
 *
 * Maps  own_maps and own_programs, hashes with the ids as keys; counters, a per-CPU array of one value (counter-layout.ts);
 *       records, a ring buffer, and lost, a per-CPU array of one u64: records that found no room.
 */
import { assembleProgram, type ProgramSpec } from '@cpumap/bpf';
import {
  ENQUEUE_AT,
  ENQUEUE_COUNTERS,
  ENQUEUE_RECORD,
  ERRNO_COUNTERS,
  type EventDefinition,
  EXCEPTION_RECORD,
  errnosAt,
  KTHREAD_RECORD,
  REDIRECT_RECORD,
  SLOT,
  SLOT_BYTES,
  SLOT_RECORD,
  TRACE_COUNTERS,
} from '@cpumap/tracepoints';
import { BPF_FUNC, BPF_PROG_TYPE } from '@cpumap/uapi';
import { type RecordSource, recordField, recordText, SLOT_AT, slotField } from './event-record.ts';

const BPF_RB_NO_WAKEUP = 1;
const KEY_AT = -84;

const end = `
out:
  r0 = 0
  exit`;

/** r0 = the element of a map whose key is the operand's value; to `out` when there is none. */
const lookup = (map: string, key: string): string => `
  r1 = ${key}
  *(u32 *)(r10 - ${-KEY_AT}) = r1
  r1 = map(${map}) ll
  r2 = r10
  r2 += ${KEY_AT}
  call ${BPF_FUNC.map_lookup_elem}
  if r0 == 0 goto out`;

/** To `out` unless the event is ours. */
function ownAlone({ name }: EventDefinition): string {
  switch (name) {
    case 'xdp_devmap_xmit':
      return '';
    case 'xdp_cpumap_enqueue':
      return lookup('own_maps', recordField(ENQUEUE_RECORD.map_id));
    case 'xdp_cpumap_kthread':
      return lookup('own_maps', recordField(KTHREAD_RECORD.map_id));
    case 'xdp_exception':
      return lookup('own_programs', recordField(EXCEPTION_RECORD.prog_id));
    default:
      return lookup('own_programs', recordField(REDIRECT_RECORD.prog_id));
  }
}

/** Adds a number, or what an operand says, to the counter at r0 + `offset`, which is this CPU's alone. */
const add = (offset: number, amount: string | number): string => `
  r1 = ${amount}
  r2 = *(u64 *)(r0 + ${offset})
  r2 += r1
  *(u64 *)(r0 + ${offset}) = r2`;

const C = TRACE_COUNTERS;

function countText({ name, fields }: EventDefinition, nrCpus: number): string {
  switch (name) {
    case 'xdp_cpumap_enqueue':
      return `
        r7 = ${recordField(ENQUEUE_RECORD.to_cpu)}
        if r7 >= ${nrCpus} goto out
        r7 *= ${ENQUEUE_COUNTERS.sizeof}
        r0 += r7
        ${add(ENQUEUE_AT + ENQUEUE_COUNTERS.processed, recordField(ENQUEUE_RECORD.processed))}
        ${add(ENQUEUE_AT + ENQUEUE_COUNTERS.drops, recordField(ENQUEUE_RECORD.drops))}
        ${add(ENQUEUE_AT + ENQUEUE_COUNTERS.events, 1)}`;
    case 'xdp_cpumap_kthread': {
      const K = KTHREAD_RECORD;
      const program = `
        ${add(C.kthread_xdp_pass, recordField(K.xdp_pass))}
        ${add(C.kthread_xdp_drop, recordField(K.xdp_drop))}
        ${add(C.kthread_xdp_redirect, recordField(K.xdp_redirect))}`;
      return `
        ${add(C.kthread_events, 1)}
        ${add(C.kthread_processed, recordField(K.processed))}
        ${add(C.kthread_drops, recordField(K.drops))}
        ${add(C.kthread_sched, recordField(K.sched))}
        ${'xdp_pass' in fields ? program : ''}`;
    }
    case 'xdp_exception':
      return add(C.exception, 1);
    case 'xdp_redirect_err':
    case 'xdp_redirect_map_err':
      return `
        ${add(C.redirect_err, 1)}
        r7 = ${recordField(REDIRECT_RECORD.err)}
        w7 = -w7
        if r7 >= ${ERRNO_COUNTERS} goto out
        r7 *= 8
        r0 += r7
        ${add(errnosAt(nrCpus), 1)}`;
    default:
      return add(C.redirect, 1);
  }
}

/** The slot's head and the record's common fields, then the slot into the ring. Flags and preempt_count stay 0. */
const copyText = ({ id }: EventDefinition): string => `
  call ${BPF_FUNC.ktime_get_ns}
  ${slotField(SLOT.timestamp, 'u64')} = r0
  call ${BPF_FUNC.get_smp_processor_id}
  ${slotField(SLOT.cpu)} = r0
  ${slotField(SLOT_RECORD)} = ${id}
  call ${BPF_FUNC.get_current_pid_tgid}
  ${slotField(SLOT_RECORD + 4)} = r0
  r1 = map(records) ll
  r2 = r10
  r2 += ${SLOT_AT}
  r3 = ${SLOT_BYTES}
  r4 = ${BPF_RB_NO_WAKEUP}
  call ${BPF_FUNC.ringbuf_output}
  if r0 == 0 goto out
  ${lookup('lost', '0')}
  ${add(0, 1)}`;

/** The stack's slot without anything from before: the verifier lets out only what was written. */
const clearText = Array.from({ length: SLOT_BYTES / 8 }, (_, i) => `${slotField(8 * i, 'u64')} = 0`).join('\n');

function specOf(name: string, event: EventDefinition, source: RecordSource, text: string): ProgramSpec {
  const type = source.kind === 'perf' ? BPF_PROG_TYPE.TRACEPOINT : BPF_PROG_TYPE.RAW_TRACEPOINT;
  // reading the kernel's structs is for GPL-compatible programs
  const code = { bytecode: assembleProgram(text), license: 'Dual MIT/GPL' };
  return { name, type, attachTo: event.name, code };
}

/** Counts an event. */
export function countProgram(event: EventDefinition, source: RecordSource, nrCpus: number): ProgramSpec {
  const text = `${recordText(event, source)}
    ${ownAlone(event)}
    ${lookup('counters', '0')}
    ${countText(event, nrCpus)}
    ${end}`;
  return specOf(`count_${event.name.slice('xdp_'.length)}`, event, source, text);
}

/** Copies an event's record into the ring buffer. */
export function copyProgram(event: EventDefinition, source: RecordSource): ProgramSpec {
  const text = `${clearText}
    ${recordText(event, source)}
    ${ownAlone(event)}
    ${copyText(event)}
    ${end}`;
  return specOf(`trace_${event.name.slice('xdp_'.length)}`, event, source, text);
}
