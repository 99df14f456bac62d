/** What records and delivered frames say of a burst, in names. */
import type { TraceRecord } from '@cpumap/tracepoints';
import { LOOPBACK } from '../subject.ts';
import { flowOf, frameText } from './frames.ts';
import { isOnward, type Names } from './names.ts';
import type { KthreadSums, Seen } from './traffic.ts';

/** A frame that came out of the stack, or out of a device. */
export interface Delivered {
  /** The device's name; `out of` it when it was sent. */
  readonly where: string;
  readonly protocol: number;
  readonly packetType: number;
  readonly frame: Uint8Array;
}

/** map_id of redirects to an ifindex. */
const NO_MAP = 0x7fffffff;

export const isKthread = ({ event }: TraceRecord): boolean => event === 'xdp_cpumap_kthread';

/** One turn of a kthread that found nothing. */
export const isEmptyTurn = (record: TraceRecord): boolean => isKthread(record) && record.fields.processed === 0;

/** An event with all its fields. */
export function eventText({ event, fields }: TraceRecord, names: Names, withSched = true): string {
  const device = (ifindex: number): string => (ifindex === 0 ? '0' : (names.devices.get(ifindex) ?? `${ifindex}`));
  const shown = (field: string, value: number): string => {
    if (field === 'map_id') return value === NO_MAP ? 'no map' : (names.maps.get(value) ?? `${value}`);
    if (field === 'prog_id') return names.programs.get(value)?.name ?? `${value}`;
    if (field.endsWith('ifindex')) return device(value);
    return `${value}`;
  };
  const parts = Object.entries(fields)
    .filter(([field]) => !field.startsWith('common_') && (withSched || field !== 'sched'))
    .map(([field, value]) => `${field}=${shown(field, value)}`);
  return `${event.slice('xdp_'.length)} ${parts.join(' ')}`;
}

const NOTHING_YET = { processed: 0, drops: 0, pass: 0, drop: 0, redirect: 0 };

function added(sums: KthreadSums, { fields }: TraceRecord): KthreadSums {
  return {
    processed: sums.processed + fields.processed!,
    drops: sums.drops + fields.drops!,
    pass: sums.pass + fields.xdp_pass!,
    drop: sums.drop + fields.xdp_drop!,
    redirect: sums.redirect + fields.xdp_redirect!,
  };
}

/** Frames that rings have taken and kthreads have not: of what is in the records. */
export function stillQueued(records: readonly TraceRecord[]): number {
  let queued = 0;
  for (const { event, fields } of records) {
    // a full ring in generic mode is a drop that was not processed
    if (event === 'xdp_cpumap_enqueue') queued += Math.max(0, fields.processed! - fields.drops!);
    else if (event === 'xdp_cpumap_kthread') queued -= fields.processed!;
  }
  return queued;
}

/** Frames that devices have been given, and have not refused; what `lo` sends it receives at once. */
export function sentByDevices(records: readonly TraceRecord[]): number {
  let sent = 0;
  for (const { event, fields } of records) {
    if (event === 'xdp_redirect' && fields.to_ifindex! > LOOPBACK) sent++;
    else if (event === 'xdp_devmap_xmit') sent -= fields.drops!;
  }
  return sent;
}

function push(lists: Record<string, string[]>, key: string, text: string): void {
  const list = lists[key];
  if (list === undefined) lists[key] = [text];
  else list.push(text);
}

export function seenOf(records: readonly TraceRecord[], delivered: readonly Delivered[], names: Names): Seen {
  const events: string[] = [];
  const onward: string[] = [];
  const xmit: string[] = [];
  const batches: Record<string, string[]> = {};
  const sums: Record<string, KthreadSums> = {};
  for (const record of records) {
    const { event, fields } = record;
    const map = names.maps.get(fields.map_id!) ?? '';
    if (event === 'xdp_devmap_xmit') xmit.push(eventText(record, names));
    else if (event === 'xdp_cpumap_enqueue') (isOnward(map) ? onward : events).push(eventText(record, names));
    else if (event !== 'xdp_cpumap_kthread') {
      const isSecond = names.programs.get(fields.prog_id!)?.isSecond === true;
      (isSecond ? onward : events).push(eventText(record, names));
    } else if (!isEmptyTurn(record)) {
      const key = `${map} on ${fields.cpu}`;
      push(batches, key, eventText(record, names, batches[key] === undefined));
      sums[key] = added(sums[key] ?? NOTHING_YET, record);
    }
  }
  const frames: Record<string, string[]> = {};
  for (const { where, protocol, packetType, frame } of delivered) {
    const text = `${protocol.toString(16)} type ${packetType} ${frameText(frame)}`;
    push(frames, `${where}, ${flowOf(frame)}`, text);
  }
  return { events, onward, xmit, batches, sums, delivered: frames };
}
