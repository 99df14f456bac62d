/** bpf_perf_event_output as a CPU calls it. The buffer's only writer is this CPU, so nothing is locked. */

import type { Memory } from '@cpumap/smp';
import { BPF_F_CURRENT_CPU, ERRNO } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';
import {
  PERF_BUFFER,
  PERF_DATA_TAIL,
  PERF_LOST_BYTES,
  PERF_LOST_COUNT_OFF,
  PERF_RAW_OFF,
  PERF_RECORD,
  PERF_RECORD_LOST,
  PERF_RECORD_SAMPLE,
} from './perf-layout.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface PerfOps {
  /**
   * `flags` is an index or BPF_F_CURRENT_CPU. The sample is the data, and behind it, where the context's packet is wanted
   * too, `tailSize` bytes that `copyTail` brings. 0, or -E2BIG, -ENOENT, -EOPNOTSUPP, -ENOSPC.
   */
  perfEventOutput(
    map: number,
    flags: number,
    data: number,
    size: number,
    ctx?: number,
    tailSize?: number,
    copyTail?: (ctx: number, to: number, size: number) => void,
  ): number;
}

export function attachPerfOps(memory: Memory, cpu: number): PerfOps {
  const { u8, u16, u32 } = memory;
  const bytes = attachSharedBytes(memory);
  const MAX_ENTRIES = BPF_MAP.max_entries >> 2;
  const ELEMENTS = BPF_MAP.elements >> 2;
  const CPU = PERF_BUFFER.cpu >> 2;
  const DATA = PERF_BUFFER.data >> 2;
  const MASK = PERF_BUFFER.mask >> 2;
  const HEAD = PERF_BUFFER.data_head >> 2;
  const LOST = PERF_BUFFER.lost >> 2;
  const TAIL = PERF_DATA_TAIL >> 2;
  const E2BIG = -ERRNO.E2BIG;
  const ENOENT = -ERRNO.ENOENT;
  const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
  const ENOSPC = -ERRNO.ENOSPC;
  const LARGEST = 0xffff; // of a record: its header has 16 bits for the size
  const CURRENT_CPU = BPF_F_CURRENT_CPU;

  function header(at: number, type: number, size: number): void {
    u32[at >> 2] = type;
    u16[(at + PERF_RECORD.misc) >> 1] = 0;
    u16[(at + PERF_RECORD.size) >> 1] = size;
  }

  return {
    perfEventOutput(map, flags, data, size, ctx = 0, tailSize = 0, copyTail) {
      const m = map >> 2;
      const index = flags >>> 0 === CURRENT_CPU ? cpu : flags >>> 0;
      if (index >= u32[m + MAX_ENTRIES]!) return E2BIG;
      const buffer = u32[(u32[m + ELEMENTS]! >> 2) + index]! >> 2;
      if (buffer === 0) return ENOENT;
      if (u32[buffer + CPU] !== cpu) return EOPNOTSUPP;
      // a sample ends on 8 bytes: raw data are padded, and the padding belongs to them
      const whole = size + tailSize;
      const record = (PERF_RAW_OFF + whole + 7) & ~7;
      if (record > LARGEST) return E2BIG;
      const lost = u32[buffer + LOST]!;
      const needed = record + (lost === 0 ? 0 : PERF_LOST_BYTES);
      const mask = u32[buffer + MASK]!;
      let head = u32[buffer + HEAD]!;
      if (((Atomics.load(u32, buffer + TAIL) - head - 1) & mask) >>> 0 < needed) {
        u32[buffer + LOST] = lost + 1;
        return ENOSPC;
      }
      let at = u32[buffer + DATA]! + (head & mask);
      if (lost !== 0) {
        header(at, PERF_RECORD_LOST, PERF_LOST_BYTES);
        bytes.zero(at + 8, PERF_LOST_BYTES - 8);
        u32[(at + PERF_LOST_COUNT_OFF) >> 2] = lost;
        u32[buffer + LOST] = 0;
        head = (head + PERF_LOST_BYTES) >>> 0;
        at = u32[buffer + DATA]! + (head & mask);
      }
      header(at, PERF_RECORD_SAMPLE, record);
      u32[(at + PERF_RECORD.raw_size) >> 2] = record - PERF_RAW_OFF;
      bytes.copy(at + PERF_RAW_OFF, data, size);
      copyTail?.(ctx, at + PERF_RAW_OFF + size, tailSize);
      for (let i = at + PERF_RAW_OFF + whole; i < at + record; i++) u8[i] = 0;
      Atomics.store(u32, buffer + HEAD, (head + record) >>> 0);
      return 0;
    },
  };
}
