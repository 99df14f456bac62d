/** Maps on a memory of their own, and the answers of their operations as names. */
import { createAllocator, createMemory } from '@cpumap/smp';
import { BPF_MAP_TYPE, KernelError } from '@cpumap/uapi';
import { arrayMapTypes, type BpfMap, createMap, type MapSpec } from '../../src/index.ts';

const MIB = 1024 * 1024;

export function createMaps(nrCpus = 3) {
  const memory = createMemory(MIB);
  const allocator = createAllocator(memory);
  const types = arrayMapTypes(memory, allocator, nrCpus);
  let nextId = 1;
  return {
    memory,
    allocator,
    create(spec: Partial<MapSpec> = {}): BpfMap {
      const full = { type: BPF_MAP_TYPE.ARRAY, keySize: 4, valueSize: 8, maxEntries: 4, ...spec };
      return createMap({ memory, allocator, types }, full, nextId++);
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
