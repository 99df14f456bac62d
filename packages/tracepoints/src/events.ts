/**
 * The events of the data path, as the kernel defines them in include/trace/events/xdp.h: field names, kinds, offsets
 * and the printed line (checked against the format files of a running 6.18).
 *
 * A record begins with the 8 common bytes of every kernel event: type u16, flags u8, preempt_count u8, pid i32.
 */
import { type Features, type FieldKind, type Layout, layout, xdpActionName } from '@cpumap/uapi';

const COMMON = {
  common_type: 'u16',
  common_flags: 'u8',
  common_preempt_count: 'u8',
  common_pid: 'i32',
} as const satisfies Record<string, FieldKind>;

const REDIRECT_FIELDS = {
  ...COMMON,
  prog_id: 'i32',
  act: 'u32',
  ifindex: 'i32',
  err: 'i32',
  to_ifindex: 'i32',
  map_id: 'u32',
  map_index: 'i32',
} as const satisfies Record<string, FieldKind>;

const EXCEPTION_FIELDS = { ...COMMON, prog_id: 'i32', act: 'u32', ifindex: 'i32' } as const satisfies Record<
  string,
  FieldKind
>;

const ENQUEUE_FIELDS = {
  ...COMMON,
  map_id: 'i32',
  act: 'u32',
  cpu: 'i32',
  drops: 'u32',
  processed: 'u32',
  to_cpu: 'i32',
} as const satisfies Record<string, FieldKind>;

const KTHREAD_FIELDS = {
  ...COMMON,
  map_id: 'i32',
  act: 'u32',
  cpu: 'i32',
  drops: 'u32',
  processed: 'u32',
  sched: 'i32',
  xdp_pass: 'u32',
  xdp_drop: 'u32',
  xdp_redirect: 'u32',
} as const satisfies Record<string, FieldKind>;

const DEVMAP_XMIT_FIELDS = {
  ...COMMON,
  from_ifindex: 'i32',
  act: 'u32',
  to_ifindex: 'i32',
  drops: 'i32',
  sent: 'i32',
  err: 'i32',
} as const satisfies Record<string, FieldKind>;

export const REDIRECT_RECORD = layout(REDIRECT_FIELDS);
export const EXCEPTION_RECORD = layout(EXCEPTION_FIELDS);
export const ENQUEUE_RECORD = layout(ENQUEUE_FIELDS);
export const KTHREAD_RECORD = layout(KTHREAD_FIELDS);
export const DEVMAP_XMIT_RECORD = layout(DEVMAP_XMIT_FIELDS);

export const EVENT_NAMES = [
  'xdp_redirect',
  'xdp_redirect_err',
  'xdp_redirect_map',
  'xdp_redirect_map_err',
  'xdp_exception',
  'xdp_cpumap_enqueue',
  'xdp_cpumap_kthread',
  'xdp_devmap_xmit',
] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** The fields of one record, by the kernel's names. */
export type EventFields = Readonly<Record<string, number>>;

export interface EventDefinition {
  readonly name: EventName;
  /** The `common_type` of its records; bit `id - 1` of the enabled mask. */
  readonly id: number;
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly offsets: Layout<Record<string, FieldKind>>;
  /** The text that the kernel prints after the event's name. */
  readonly print: (fields: EventFields) => string;
}

const printRedirect = (f: EventFields): string =>
  `prog_id=${f.prog_id} action=${xdpActionName(f.act!)} ifindex=${f.ifindex} to_ifindex=${f.to_ifindex} err=${f.err}`;
/** The kernel prints the unsigned map_id with %d. */
const printRedirectMap = (f: EventFields): string =>
  `${printRedirect(f)} map_id=${f.map_id! | 0} map_index=${f.map_index}`;
const printException = (f: EventFields): string =>
  `prog_id=${f.prog_id} action=${xdpActionName(f.act!)} ifindex=${f.ifindex}`;
const printEnqueue = (f: EventFields): string =>
  `enqueue cpu=${f.cpu} map_id=${f.map_id} action=${xdpActionName(f.act!)} processed=${f.processed} drops=${f.drops} to_cpu=${f.to_cpu}`;
const printDevmapXmit = (f: EventFields): string =>
  `ndo_xdp_xmit from_ifindex=${f.from_ifindex} to_ifindex=${f.to_ifindex} action=${xdpActionName(f.act!)} sent=${f.sent} drops=${f.drops} err=${f.err}`;
const printKthread = (f: EventFields): string =>
  `kthread cpu=${f.cpu} map_id=${f.map_id} action=${xdpActionName(f.act!)} processed=${f.processed} drops=${f.drops} sched=${f.sched}`;
const printKthreadStats = (f: EventFields): string =>
  `${printKthread(f)} xdp_pass=${f.xdp_pass} xdp_drop=${f.xdp_drop} xdp_redirect=${f.xdp_redirect}`;

function define(
  name: EventName,
  fields: Readonly<Record<string, FieldKind>>,
  print: EventDefinition['print'],
): EventDefinition {
  return { name, id: EVENT_NAMES.indexOf(name) + 1, fields, offsets: layout(fields), print };
}

function without(fields: Readonly<Record<string, FieldKind>>, names: readonly string[]): Record<string, FieldKind> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** The events that exist in a release, with that release's fields and format. */
export function eventsOf(features: Features): ReadonlyMap<EventName, EventDefinition> {
  // the plain pair carried no map fields while the _map pair existed to carry them
  const plain = features.redirectMapEvents ? without(REDIRECT_FIELDS, ['map_id', 'map_index']) : REDIRECT_FIELDS;
  const printPlain = features.redirectMapEvents ? printRedirect : printRedirectMap;
  const kthread = features.cpumapProgram
    ? define('xdp_cpumap_kthread', KTHREAD_FIELDS, printKthreadStats)
    : define('xdp_cpumap_kthread', without(KTHREAD_FIELDS, ['xdp_pass', 'xdp_drop', 'xdp_redirect']), printKthread);
  const events = [
    define('xdp_redirect', plain, printPlain),
    define('xdp_redirect_err', plain, printPlain),
    define('xdp_exception', EXCEPTION_FIELDS, printException),
    define('xdp_cpumap_enqueue', ENQUEUE_FIELDS, printEnqueue),
    kthread,
  ];
  if (features.devmapXmitEvent) {
    events.push(define('xdp_devmap_xmit', DEVMAP_XMIT_FIELDS, printDevmapXmit));
  }
  if (features.redirectMapEventsDefined) {
    events.push(define('xdp_redirect_map', REDIRECT_FIELDS, printRedirectMap));
    events.push(define('xdp_redirect_map_err', REDIRECT_FIELDS, printRedirectMap));
  }
  return new Map(events.map((event) => [event.name, event]));
}
