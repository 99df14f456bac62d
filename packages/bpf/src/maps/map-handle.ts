/**
 * What the package knows of a map beyond what user space sees: its type and memory, and who holds it. A map lives until
 * user space has closed it and no map of maps holds it. Host thread only.
 */

import type { Allocator, Memory } from '@cpumap/smp';
import type { BpfMap, MapType } from './bpf-map.ts';
import { refuse } from './map-refusal.ts';

export interface MapHandle {
  readonly pointer: number;
  readonly memory: Memory;
  readonly allocator: Allocator;
  readonly type: MapType;
  /** Whether user space still has its reference. */
  readonly open: boolean;
  hold(): void;
  /** Gives a reference back; the last one frees the map. */
  release(): void;
}

const handles = new WeakMap<BpfMap, MapHandle>();

export function rememberHandle(map: BpfMap, handle: MapHandle): void {
  handles.set(map, handle);
}

/** The handle of a map that user space has open. @throws KernelError EBADF */
export function handleOf(map: BpfMap, command: string): MapHandle {
  const handle = handles.get(map);
  return handle?.open ? handle : refuse('EBADF', command, `map ${map.id} is closed, or not of this engine`);
}
