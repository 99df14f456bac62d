/** All types of maps that need nothing but the shared memory, for a host's registry; other packages add theirs. */

import type { Allocator, Memory } from '@cpumap/smp';
import { BPF_MAP_TYPE } from '@cpumap/uapi';
import type { BpfProgram } from '../program.ts';
import { arrayMapTypes } from './array-map.ts';
import type { BpfMap, MapType } from './bpf-map.ts';
import { hashMapTypes } from './hash-map.ts';
import { lpmMapTypes } from './lpm-map.ts';
import { mapOfMapsTypes } from './map-of-maps.ts';
import { perfMapTypes } from './perf-map.ts';
import { progArrayType } from './prog-array.ts';
import { ringbufMapTypes } from './ringbuf-map.ts';

export interface GenericMapParts {
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly nrCpus: number;
  /** Of the hash functions. */
  readonly seed: number;
  /** The program that a descriptor stands for; on the engine that is the program's id. */
  readonly programByFd: (fd: number) => BpfProgram | undefined;
  /** The map that a descriptor stands for; on the engine that is the map's id. */
  readonly mapByFd: (fd: number) => BpfMap | undefined;
  /** Returns when no CPU can still hold what was reachable before. */
  readonly synchronizeRcu: () => void;
}

export function genericMapTypes(parts: GenericMapParts): Map<number, MapType> {
  const { memory, allocator, nrCpus } = parts;
  return new Map<number, MapType>([
    ...arrayMapTypes(memory, allocator, nrCpus),
    ...hashMapTypes(parts),
    ...lpmMapTypes(memory, allocator),
    [BPF_MAP_TYPE.PROG_ARRAY, progArrayType(parts)],
    ...mapOfMapsTypes(parts),
    ...ringbufMapTypes(memory, allocator),
    ...perfMapTypes(parts),
  ]);
}
