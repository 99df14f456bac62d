/**
 * How our own tracing programs come by an event's record, as assembly text: from the perf record (TRACEPOINT programs,
 * which need tracefs), or put together from the arguments of the raw tracepoint, as the kernel's TP_fast_assign does.
 *
 * Stack      r10 - 64 a slot as the engine's trace rings have it (SLOT, then the record); r10 - 80 a word for the moment.
 * Registers  r6 the context. r7 and r8 are for the moment.
 *
 * The arguments of redirect events are those since 5.13; perf records have been the same since 4.15.
 */
import {
  DEVMAP_XMIT_RECORD,
  ENQUEUE_RECORD,
  type EventDefinition,
  EXCEPTION_RECORD,
  KTHREAD_RECORD,
  REDIRECT_RECORD,
  SLOT_BYTES,
  SLOT_RECORD,
  XDP_CPUMAP_STATS,
} from '@cpumap/tracepoints';
import { BPF_FUNC, BPF_MAP_TYPE, XDP_REDIRECT } from '@cpumap/uapi';
import type { StructOffsets } from './vmlinux-btf.ts';

/** Where the slot and the record begin, below r10. */
export const SLOT_AT = -SLOT_BYTES;
const RECORD_AT = SLOT_AT + SLOT_RECORD;
const MOMENT_AT = -80;
/** map_id of a redirect to an ifindex: INT_MAX. */
const NO_MAP = 0x7fffffff;

/** A field of the slot or the record as an operand: `*(u32 *)(r10 - 40)`. */
export function slotField(offset: number, size: 'u32' | 'u64' = 'u32'): string {
  return `*(${size} *)(r10 - ${-(SLOT_AT + offset)})`;
}
export function recordField(offset: number, size: 'u32' | 's32' = 'u32'): string {
  return `*(${size} *)(r10 - ${-(RECORD_AT + offset)})`;
}

/** Where records come from. */
export type RecordSource = { readonly kind: 'perf' } | { readonly kind: 'raw'; readonly offsets: StructOffsets };

/** r6 = the context; then the record without its common fields. */
export function recordText(event: EventDefinition, source: RecordSource): string {
  return `r6 = r1\n${source.kind === 'perf' ? fromPerf(event) : fromArguments(event, source.offsets)}`;
}

function fromPerf({ fields, offsets }: EventDefinition): string {
  return Object.keys(fields)
    .filter((name) => !name.startsWith('common_'))
    .map((name) => `r1 = *(u32 *)(r6 + ${offsets[name]})\n${recordField(offsets[name]!)} = r1`)
    .join('\n');
}

/** Argument number `n` as an operand. */
const argument = (n: number): string => `*(u64 *)(r6 + ${8 * n})`;

/** A field = an argument. */
const take = (field: number, n: number): string => `r1 = ${argument(n)}\n${recordField(field)} = r1`;

const actRedirect = (field: number): string => `${recordField(field)} = ${XDP_REDIRECT}`;
const thisCpu = (field: number): string => `call ${BPF_FUNC.get_smp_processor_id}\n${recordField(field)} = r0`;

/** Reads `bytes` at r3 into the stack at `to`. */
const read = (to: number, bytes: number): string => `
  r1 = r10
  r1 += ${to}
  r2 = ${bytes}
  call ${BPF_FUNC.probe_read_kernel}`;

/** A field = what lies at an offset behind the pointer that argument `n` is. */
const follow = (field: number, n: number, offset: number): string => `
  r3 = ${argument(n)}
  r3 += ${offset}
  ${read(RECORD_AT + field, 4)}`;

/** A field = the id of the program that argument `n` points to: its aux knows it. */
const programId = (field: number, n: number, { programAux, auxId }: StructOffsets): string => `
  r3 = ${argument(n)}
  r3 += ${programAux}
  ${read(MOMENT_AT, 8)}
  r3 = *(u64 *)(r10 - ${-MOMENT_AT})
  r3 += ${auxId}
  ${read(RECORD_AT + field, 4)}`;

const { DEVMAP, DEVMAP_HASH } = BPF_MAP_TYPE;

/** dev, program, target, err, map type, map id, index. The target of a devmap begins with the pointer to its device. */
const redirect = (R: typeof REDIRECT_RECORD, offsets: StructOffsets): string => `
  ${programId(R.prog_id, 1, offsets)}
  ${actRedirect(R.act)}
  ${follow(R.ifindex, 0, offsets.deviceIfindex)}
  ${take(R.err, 3)}
  ${recordField(R.to_ifindex)} = 0
  ${take(R.map_id, 5)}
  ${take(R.map_index, 6)}
  r7 = ${argument(4)}
  w7 = w7
  if r7 == ${DEVMAP} goto device
  if r7 == ${DEVMAP_HASH} goto device
  if r7 != ${BPF_MAP_TYPE.UNSPEC} goto ready
  r7 = ${argument(5)}
  w7 = w7
  if r7 != ${NO_MAP} goto ready
  ${take(R.to_ifindex, 6)}
  ${recordField(R.map_index)} = 0
  goto ready
device:
  r7 = ${argument(2)}
  if r7 == 0 goto ready
  r3 = r7
  ${read(MOMENT_AT, 8)}
  r3 = *(u64 *)(r10 - ${-MOMENT_AT})
  r3 += ${offsets.deviceIfindex}
  ${read(RECORD_AT + R.to_ifindex, 4)}
ready:`;

function fromArguments({ name }: EventDefinition, offsets: StructOffsets): string {
  switch (name) {
    case 'xdp_cpumap_enqueue': {
      const E = ENQUEUE_RECORD;
      return `${take(E.map_id, 0)}
        ${take(E.processed, 1)}
        ${take(E.drops, 2)}
        ${take(E.to_cpu, 3)}
        ${actRedirect(E.act)}
        ${thisCpu(E.cpu)}`;
    }
    case 'xdp_cpumap_kthread': {
      const K = KTHREAD_RECORD;
      const stats = XDP_CPUMAP_STATS;
      return `${take(K.map_id, 0)}
        ${take(K.processed, 1)}
        ${take(K.drops, 2)}
        ${take(K.sched, 3)}
        ${actRedirect(K.act)}
        ${thisCpu(K.cpu)}
        ${follow(K.xdp_redirect, 4, stats.redirect)}
        ${follow(K.xdp_pass, 4, stats.pass)}
        ${follow(K.xdp_drop, 4, stats.drop)}`;
    }
    case 'xdp_exception': {
      const X = EXCEPTION_RECORD;
      return `${programId(X.prog_id, 1, offsets)}
        ${follow(X.ifindex, 0, offsets.deviceIfindex)}
        ${take(X.act, 2)}`;
    }
    case 'xdp_devmap_xmit': {
      const D = DEVMAP_XMIT_RECORD;
      return `${follow(D.from_ifindex, 0, offsets.deviceIfindex)}
        ${follow(D.to_ifindex, 1, offsets.deviceIfindex)}
        ${actRedirect(D.act)}
        ${take(D.sent, 2)}
        ${take(D.drops, 3)}
        ${take(D.err, 4)}`;
    }
    default:
      return redirect(REDIRECT_RECORD, offsets);
  }
}
