/** Maps on a memory of their own, and the answers of their operations as names. */
import { type Allocator, createAllocator, createMemory, type Memory } from '@cpumap/smp';
import { BPF_ATTACH_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE, errnoName, KernelError } from '@cpumap/uapi';
import {
  attachMapOps,
  type BpfMap,
  type BpfProgram,
  createMap,
  genericMapTypes,
  MAP_OPS_BYTES,
  type MapOps,
  type MapSpec,
  type MapType,
} from '../../src/index.ts';

const MIB = 1024 * 1024;

export interface TestMaps {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly types: ReadonlyMap<number, MapType>;
  /** Grace periods that were waited for. */
  readonly graces: number;
  create(spec?: Partial<MapSpec>): BpfMap;
  /** Makes a program known by its id. */
  program(program: Partial<BpfProgram> & { id: number }): BpfProgram;
  /** The operations of a CPU's programs. */
  ops(cpu: number): MapOps;
  /** Puts bytes in the shared memory, at any alignment. */
  place(bytes: Uint8Array, misalign?: number): number;
}

export function createMaps(nrCpus = 3, bytes = MIB): TestMaps {
  const memory = createMemory(bytes);
  const allocator = createAllocator(memory);
  const maps = new Map<number, BpfMap>();
  const programs = new Map<number, BpfProgram>();
  let graces = 0;
  const types = genericMapTypes({
    memory,
    allocator,
    nrCpus,
    seed: 1,
    programByFd: (fd) => programs.get(fd),
    mapByFd: (fd) => maps.get(fd),
    synchronizeRcu: () => graces++,
  });
  let nextId = 1;
  return {
    memory,
    allocator,
    types,
    get graces() {
      return graces;
    },
    create(spec = {}) {
      const full = { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 8, maxEntries: 4, ...spec };
      const map = createMap({ memory, allocator, types }, full, nextId++);
      maps.set(map.id, map);
      return map;
    },
    program(program) {
      const full: BpfProgram = {
        name: `prog${program.id}`,
        type: BPF_PROG_TYPE.XDP,
        expectedAttachType: BPF_ATTACH_TYPE.XDP,
        attachTo: undefined,
        frags: false,
        mapIds: [],
        ...program,
      };
      programs.set(full.id, full);
      return full;
    },
    ops: (cpu) => attachMapOps(memory, cpu, nrCpus, allocator.alloc(MAP_OPS_BYTES)),
    place(data, misalign = 0) {
      const at = allocator.alloc(data.length + 8) + misalign;
      memory.u8.set(data, at);
      return at;
    },
  };
}

/** 'ok', or the name of the errno. Other errors are not answers. */
export function answerOf(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof KernelError) return error.code;
    throw error;
  }
}

/** 'ok', or the name of a negative errno. */
export function nameOf(answer: number): string {
  return answer === 0 ? 'ok' : (errnoName(answer) ?? String(answer));
}

/** The bytes of 32-bit numbers, as programs write them. */
export function u32s(...numbers: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}
