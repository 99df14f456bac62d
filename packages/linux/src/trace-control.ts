/**
 * Listening to events on the running kernel: programs of our own copy the records of this backend's events into a ring
 * buffer, from the subscription to its end.
 *
 * A record's common_type is the event's number here, as on the engine; its common_flags and common_preempt_count, which
 * programs cannot see, are 0. Needs Linux 5.8 (ring buffers).
 */
import {
  type EventDefinition,
  type EventName,
  SLOT,
  SLOT_RECORD,
  type TraceControl,
  type TraceRecord,
  type TraceSubscription,
} from '@cpumap/tracepoints';
import { BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import type { RecordSource } from './event-record.ts';
import { createLinuxMap } from './linux-map.ts';
import { loadLinuxProgram } from './linux-program.ts';
import { copyProgram } from './monitor-programs.ts';
import type { OwnIds } from './own-ids.ts';
import { openLinuxRingBuffer } from './ring-buffer.ts';
import { attachToEvent } from './tracing.ts';

/** Room for about 14,000 records. */
const RING_BYTES = 1024 * 1024;

export interface TraceParts {
  readonly events: ReadonlyMap<EventName, EventDefinition>;
  /** Asked at the first subscription. @throws KernelError */
  readonly listening: () => { readonly source: RecordSource; readonly own: OwnIds };
}

export interface LinuxTraceControl extends TraceControl {
  /** Ends all subscriptions. */
  close(): void;
}

function decode(slot: Uint8Array, byId: ReadonlyMap<number, EventDefinition>): TraceRecord {
  const view = new DataView(slot.buffer, slot.byteOffset);
  const event = byId.get(view.getUint16(SLOT_RECORD, true))!;
  const fields: Record<string, number> = {};
  for (const [name, kind] of Object.entries(event.fields)) {
    const offset = SLOT_RECORD + event.offsets[name]!;
    if (kind === 'i32') fields[name] = view.getInt32(offset, true);
    else if (kind === 'u32') fields[name] = view.getUint32(offset, true);
    else if (kind === 'u16') fields[name] = view.getUint16(offset, true);
    else fields[name] = view.getUint8(offset);
  }
  const timestampNs = Number(view.getBigUint64(SLOT.timestamp, true));
  return { event: event.name, timestampNs, cpu: view.getUint32(SLOT.cpu, true), fields };
}

export function createTraceControl({ events, listening }: TraceParts): LinuxTraceControl {
  const byId = new Map([...events.values()].map((event) => [event.id, event]));
  const subscriptions = new Set<TraceSubscription>();

  function eventNamed(name: EventName): EventDefinition {
    const event = events.get(name);
    if (event !== undefined) return event;
    throw new KernelError('ENOENT', `tracepoint ${name}`, { hint: `this kernel has ${[...events.keys()].join(', ')}` });
  }

  function subscribe(names: readonly EventName[] = [...events.keys()]): TraceSubscription {
    const wanted = [...new Set(names)].map(eventNamed);
    const { source, own } = listening();
    const open: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(part: T): T => {
      open.push(part);
      return part;
    };
    const close = (): void => {
      for (const part of open.splice(0).reverse()) part.close();
    };
    try {
      const { RINGBUF, PERCPU_ARRAY } = BPF_MAP_TYPE;
      const records = keep(
        createLinuxMap({ name: 'records', type: RINGBUF, keySize: 0, valueSize: 0, maxEntries: RING_BYTES }),
      );
      const lost = keep(createLinuxMap({ name: 'lost', type: PERCPU_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 }));
      const ring = keep(openLinuxRingBuffer(records));
      const lostSoFar = (): number => new BigUint64Array(lost.lookup(0).buffer).reduce((sum, n) => sum + Number(n), 0);
      let lostBefore = 0;
      for (const event of wanted) {
        const program = keep(loadLinuxProgram(copyProgram(event, source), { maps: { ...own.maps, records, lost } }));
        keep(attachToEvent(program, program.fd, event.name));
      }
      const subscription: TraceSubscription = {
        read() {
          const batch: TraceRecord[] = [];
          ring.consume((slot) => batch.push(decode(slot, byId)));
          batch.sort((a, b) => a.timestampNs - b.timestampNs);
          const now = lostSoFar();
          const gone = now - lostBefore;
          lostBefore = now;
          return { records: batch, lost: gone };
        },
        close() {
          subscriptions.delete(subscription);
          close();
        },
      };
      subscriptions.add(subscription);
      return subscription;
    } catch (error) {
      close();
      throw error;
    }
  }

  return {
    events,
    format: (record) => `${record.event}: ${eventNamed(record.event).print(record.fields)}`,
    subscribe,
    close() {
      for (const subscription of [...subscriptions]) subscription.close();
    },
  };
}
