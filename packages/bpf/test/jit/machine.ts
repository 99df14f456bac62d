/** A memory in which a compiled program can be run and everything around it watched. */
import { createMemory } from '@cpumap/smp';
import type { Instruction } from '../../src/isa/instruction.ts';
import { type CompileOptions, compileProgram } from '../../src/jit/compile.ts';
import { type InstanceSpec, instantiateProgram } from '../../src/jit/instance.ts';
import { type Region, writeRegionList } from '../../src/jit/regions.ts';

export const STACK = 0x1000;
export const REGIONS = 0x4000;
export const CONTEXT = 0x5000;
export const PACKET = 0x6000;
export const VALUES = 0x8000;
export const POISON = 0xa5;

export const XDP_CONTEXT = { size: 24, packet: { data: 0, dataEnd: 4, dataMeta: 8 } } as const;

/** One page, poisoned. */
export function machine() {
  const memory = createMemory(0x10000);
  const { u8, u32 } = memory;
  u8.fill(POISON);
  writeRegionList(memory, REGIONS, []);
  return {
    memory,
    allow: (...regions: Region[]) => writeRegionList(memory, REGIONS, regions),
    /** Fills in struct xdp_md for a packet of `length` bytes at PACKET, behind `meta` bytes of metadata. */
    packet(length: number, meta = 0) {
      u32.set([PACKET, PACKET + length, PACKET - meta, 1, 2, 0], CONTEXT >> 2);
    },
    load: (program: readonly Instruction[], options?: CompileOptions, spec?: Partial<InstanceSpec>) =>
      instantiateProgram(compileProgram(program, options), { memory, stack: STACK, regions: REGIONS, ...spec }),
    snapshot: () => u8.slice(),
  };
}
