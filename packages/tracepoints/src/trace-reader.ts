/**
 * Reading events, on the host's side: subscriptions that enable events and read batches of records.
 *
 * A reader starts at the newest record of each CPU. It never slows a CPU: when it comes too late, the oldest records have
 * been overwritten, and the next batch says how many it lost.
 */

import type { Memory } from '@cpumap/smp';
import { type Features, KernelError } from '@cpumap/uapi';
import { type EventDefinition, type EventFields, type EventName, eventsOf } from './events.ts';
import { SLOT, SLOT_BYTES, SLOT_RECORD, type TraceAreaAt, traceCpu } from './trace-area.ts';
import { traceMaskBits } from './tracepoints.ts';

export interface TraceRecord {
  readonly event: EventName;
  /** Nanoseconds on the machine's clock. */
  readonly timestampNs: number;
  /** The CPU that fired it. */
  readonly cpu: number;
  /** All fields with the kernel's names, common_pid included. */
  readonly fields: EventFields;
}

export interface TraceBatch {
  /** Oldest first; events of one CPU in their order. */
  readonly records: readonly TraceRecord[];
  /** Records that were overwritten before this reader came. */
  readonly lost: number;
}

export interface TraceSubscription {
  /** All records since the last read. */
  read(): TraceBatch;
  /** Stops listening; an event with no listener left costs a flag test again. */
  close(): void;
}

export interface TraceControl {
  /** The events that exist in the host's release. */
  readonly events: ReadonlyMap<EventName, EventDefinition>;
  /** @throws KernelError ENOENT when the release has no such event */
  subscribe(names?: readonly EventName[]): TraceSubscription;
  /** The line that the kernel prints: the event's name, a colon, and its text. */
  format(record: TraceRecord): string;
}

export function createTraceControl(memory: Memory, at: TraceAreaAt, features: Features): TraceControl {
  const { u32 } = memory;
  const events = eventsOf(features);
  const byId = new Map([...events.values()].map((event) => [event.id, event]));
  const listeners = new Map<EventName, number>();
  const view = new DataView(memory.u8.buffer);

  function listen(name: EventName, change: 1 | -1): void {
    const count = (listeners.get(name) ?? 0) + change;
    listeners.set(name, count);
    const bit = traceMaskBits(name).listeners;
    if (count > 0) Atomics.or(u32, at.mask >> 2, bit);
    else Atomics.and(u32, at.mask >> 2, ~bit);
  }

  function decode(slot: number): TraceRecord | undefined {
    const record = slot + SLOT_RECORD;
    const event = byId.get(view.getUint16(record, true));
    if (event === undefined) return undefined;
    const fields: Record<string, number> = {};
    for (const [name, kind] of Object.entries(event.fields)) {
      const offset = record + event.offsets[name]!;
      if (kind === 'i32') fields[name] = view.getInt32(offset, true);
      else if (kind === 'u32') fields[name] = view.getUint32(offset, true);
      else if (kind === 'u16') fields[name] = view.getUint16(offset, true);
      else fields[name] = view.getUint8(offset);
    }
    return {
      event: event.name,
      timestampNs: view.getFloat64(slot + SLOT.timestamp, true),
      cpu: view.getUint32(slot + SLOT.cpu, true),
      fields,
    };
  }

  return {
    events,
    format: (record) => `${record.event}: ${events.get(record.event)!.print(record.fields)}`,
    subscribe(names = [...events.keys()]) {
      for (const name of names) {
        if (!events.has(name)) {
          throw new KernelError('ENOENT', `tracepoint ${name}`, {
            hint: `this release has ${[...events.keys()].join(', ')}`,
          });
        }
      }
      const wanted = new Set(names);
      const heads = Array.from({ length: at.nrCpus }, (_, cpu) => traceCpu(at, cpu).head >> 2);
      const next = heads.map((head) => Atomics.load(u32, head));
      for (const name of wanted) listen(name, 1);
      let open = true;

      return {
        read() {
          const records: TraceRecord[] = [];
          let lost = 0;
          for (let cpu = 0; cpu < at.nrCpus; cpu++) {
            const { slots } = traceCpu(at, cpu);
            const end = Atomics.load(u32, heads[cpu]!);
            let from = next[cpu]!;
            const waiting = (end - from) >>> 0;
            if (waiting >= at.size) {
              const gone = waiting - (at.size - 1);
              lost += gone;
              from = (from + gone) >>> 0;
            }
            for (; from !== end; from = (from + 1) >>> 0) {
              const record = decode(slots + (from & (at.size - 1)) * SLOT_BYTES);
              // the writer may have come round while this record was read
              if ((Atomics.load(u32, heads[cpu]!) - from) >>> 0 >= at.size) lost++;
              else if (record !== undefined && wanted.has(record.event)) records.push(record);
            }
            next[cpu] = end;
          }
          records.sort((a, b) => a.timestampNs - b.timestampNs);
          return { records, lost };
        },
        close() {
          if (!open) return;
          open = false;
          for (const name of wanted) listen(name, -1);
        },
      };
    },
  };
}
