/**
 * Helpers on maps, ring buffers and locks. A program that is ended in the middle may still hold a lock or a record that it
 * has reserved: `abandon` gives both back, as the verifier makes programs do that end by themselves.
 */
import { ERRNO } from '@cpumap/uapi';
import type { MapOps } from '../maps/map-ops.ts';
import { type HelperTable, helperTable } from './helper-table.ts';

const EINVAL = -ERRNO.EINVAL;
const EFAULT = -ERRNO.EFAULT;
/** Of perf_event_output's flags: how many bytes of the context's data follow the sample. */
const CTXLEN_MASK = 0xfffff;

/** The bytes of an XDP context's packet, in however many buffers, that a sample may end with. */
export interface ContextBytes {
  length(ctx: number): number;
  /** Copies the first `size` bytes to `to`. */
  copy(ctx: number, to: number, size: number): void;
}

export interface MapHelpers {
  readonly table: HelperTable;
  /** Gives back what the program that was just ended still holds. */
  abandon(): void;
}

export function attachMapHelpers(maps: MapOps, contextBytes?: ContextBytes): MapHelpers {
  const reserved: number[] = [];
  let lock = 0;

  function forget(record: number): void {
    const at = reserved.lastIndexOf(record);
    if (at >= 0) reserved.splice(at, 1);
  }

  function perfEventOutput(ctx: number, map: number, flagsLo: number, flagsHi: number, data: number, size: number) {
    if ((flagsHi & ~CTXLEN_MASK) !== 0) return EINVAL;
    const tail = flagsHi & CTXLEN_MASK;
    if (tail === 0) return maps.perfEventOutput(map, flagsLo, data, size);
    if (contextBytes === undefined) return EINVAL;
    // mirrors bpf_xdp_event_output: more than there is of the packet
    if (tail > contextBytes.length(ctx)) return EFAULT;
    return maps.perfEventOutput(map, flagsLo, data, size, ctx, tail, contextBytes.copy);
  }

  const table = helperTable({
    map_lookup_elem: maps.lookup,
    map_lookup_percpu_elem: maps.lookupPercpu,
    map_delete_elem: maps.delete,
    map_update_elem: (map: number, key: number, value: number, flags: number, flagsHi: number) =>
      flagsHi === 0 ? maps.update(map, key, value, flags) : EINVAL,
    spin_lock(address: number) {
      maps.spinLock(address);
      lock = address;
      return 0;
    },
    spin_unlock(address: number) {
      lock = 0;
      maps.spinUnlock(address);
      return 0;
    },
    ringbuf_reserve(map: number, size: number, sizeHi: number, flags: number, flagsHi: number) {
      const record = (sizeHi | flagsHi) === 0 ? maps.ringbufReserve(map, size, flags) : 0;
      if (record !== 0) reserved.push(record);
      return record;
    },
    ringbuf_submit(record: number, flags: number) {
      forget(record);
      maps.ringbufSubmit(record, flags);
      return 0;
    },
    ringbuf_discard(record: number, flags: number) {
      forget(record);
      maps.ringbufDiscard(record, flags);
      return 0;
    },
    ringbuf_output: (map: number, data: number, size: number, flags: number, flagsHi: number) =>
      flagsHi === 0 ? maps.ringbufOutput(map, data, size, flags) : EINVAL,
    ringbuf_query: (map: number, flags: number, flagsHi: number) => (flagsHi === 0 ? maps.ringbufQuery(map, flags) : 0),
    perf_event_output: perfEventOutput,
    xdp_output: perfEventOutput,
  });

  return {
    table,
    abandon() {
      if (lock !== 0) maps.spinUnlock(lock);
      lock = 0;
      for (const record of reserved.splice(0)) maps.ringbufDiscard(record, 0);
    },
  };
}
