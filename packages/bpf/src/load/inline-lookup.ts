/**
 * bpf_map_lookup_elem of arrays as code in place of the call: a bound and a multiplication instead of 5 ns for the way to
 * JavaScript and the work there. The map is known, so its numbers stand in the code; only the CPU's own part of a
 * per-CPU array differs between CPUs.
 */
import type { Memory } from '@cpumap/smp';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { InlineHelper } from '../jit/emit-call.ts';
import { OP } from '../jit/wasm-opcodes.ts';
import { BPF_MAP } from '../maps/bpf-map.ts';

/** undefined for maps that are no arrays of values. `map` is its address. */
export function inlineArrayLookup({ u32 }: Memory, map: number): InlineHelper | undefined {
  const read = (field: number): number => u32[(map + field) >> 2]!;
  const type = read(BPF_MAP.map_type);
  if (type !== BPF_MAP_TYPE.ARRAY && type !== BPF_MAP_TYPE.PERCPU_ARRAY) return undefined;
  const elements = read(BPF_MAP.elements);
  const elementSize = read(BPF_MAP.element_size);
  const maxEntries = read(BPF_MAP.max_entries);
  const cpuStride = read(BPF_MAP.cpu_stride);

  return ({ w, argument, scratch: [key], cpu }) => {
    w.get(argument(2)).op(OP.i32WrapI64).access(OP.i32Load, 0).tee(key);
    w.i32(maxEntries).op(OP.i32LtU).if('i64');
    w.i32(elements).get(key).i32(elementSize).op(OP.i32Mul, OP.i32Add);
    if (cpuStride !== 0) w.global(cpu).i32(cpuStride).op(OP.i32Mul, OP.i32Add);
    w.op(OP.i64ExtendI32U, OP.else).i64(0).op(OP.end);
  };
}
