/** Bytecode on the interpreter or compiled, with the two helpers that these programs call and everything checked. */

import {
  type BpfHelpers,
  type BpfMap,
  compileProgram,
  createInterpreter,
  INTERPRETER_STACK_SIZE,
  instantiateProgram,
  JIT_STACK_SIZE,
  type ProgramInstance,
  type Region,
  regionListSize,
  relocateMaps,
  writeRegionList,
} from '@cpumap/bpf';
import type { Allocator, Memory } from '@cpumap/smp';
import { BPF_FUNC, XDP_MD } from '@cpumap/uapi';
import type { BytecodeSpec } from '../../src/index.ts';

export interface EngineParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  /** Address of each map by name. */
  readonly maps: Readonly<Record<string, number>>;
  /** What the program may write besides its stack and its packet. */
  readonly values: readonly Region[];
  readonly helpers: Pick<BpfHelpers, 'mapLookupElem' | 'redirectMap'>;
  /** Bytes of the context; an XDP program's says where its packet is. */
  readonly context: number | 'xdp_md';
}

/** This CPU's elements of an array. */
export function valuesOf(map: BpfMap, lookup: BpfHelpers['mapLookupElem']): Region[] {
  const { maxEntries, valueSize } = map.info();
  return Array.from({ length: maxEntries }, (_, key) => ({
    start: lookup(map.pointer, key),
    length: valueSize,
    writable: true,
  }));
}

const PACKET = { data: XDP_MD.data, dataEnd: XDP_MD.data_end, dataMeta: XDP_MD.data_meta };

/** The program as the CPU would run it. It throws a ProgramFault when the program does what it must not. */
export function startBytecode(engine: 'interpreter' | 'jit', spec: BytecodeSpec, parts: EngineParts): ProgramInstance {
  const { memory, allocator, values, helpers } = parts;
  const { u32 } = memory;
  const instructions = relocateMaps(spec.code.bytecode, parts.maps, memory);
  const size = parts.context === 'xdp_md' ? XDP_MD.sizeof : parts.context;
  const { map_lookup_elem, redirect_map } = BPF_FUNC;
  const lookup = (map: number, key: number): number => helpers.mapLookupElem(map, u32[key >> 2]!);

  if (engine === 'jit') {
    const regions = allocator.alloc(regionListSize(values.length));
    writeRegionList(memory, regions, values);
    const compiled = compileProgram(instructions, {
      context: { size, ...(parts.context === 'xdp_md' ? { packet: PACKET } : {}) },
      helpers: {
        [map_lookup_elem]: { params: ['i32', 'i32'], result: 'u32', keepsPacket: true },
        [redirect_map]: { params: ['i32', 'i32', 'i32'], keepsPacket: true },
      },
    });
    const jit = instantiateProgram(compiled, {
      memory,
      stack: allocator.alloc(JIT_STACK_SIZE),
      regions,
      helpers: { [map_lookup_elem]: lookup, [redirect_map]: helpers.redirectMap },
    });
    return (ctx) => {
      const verdict = jit.run(ctx);
      if (verdict < 0) throw jit.fault();
      return verdict;
    };
  }

  let context = 0;
  const field = (at: number): number => u32[(context + at) >> 2]!;
  const within = (start: number, end: number, address: number, bytes: number): boolean =>
    address >= start && address + bytes <= end;
  const interpreter = createInterpreter({
    memory,
    instructions,
    stack: allocator.alloc(INTERPRETER_STACK_SIZE),
    mayAccess: (address, bytes, write) =>
      values.some(({ start, length }) => within(start, start + length, address, bytes)) ||
      (!write && within(context, context + size, address, bytes)) ||
      (parts.context === 'xdp_md' && within(field(PACKET.dataMeta), field(PACKET.dataEnd), address, bytes)),
    helpers: { [map_lookup_elem]: lookup, [redirect_map]: helpers.redirectMap },
  });
  return (ctx) => {
    context = ctx;
    return interpreter.run(ctx);
  };
}
