/**
 * Batches of types that have no better way than one element after the other; mirrors generic_map_lookup_batch,
 * generic_map_update_batch and generic_map_delete_batch. They look at no flags of the command.
 */

import { type ErrnoName, KernelError } from '@cpumap/uapi';
import type { MapBatch, MapType } from './bpf-map.ts';

/** A batch that stopped half-way. */
export class BatchError extends KernelError {
  /** How many elements were done before. */
  readonly count: number;

  constructor(cause: KernelError, count: number) {
    super(cause.code, cause.syscall, {
      hint: `after ${count} elements: ${cause.hint ?? 'the next one was refused'}`,
      cause,
    });
    this.count = count;
  }
}

function codeOf(error: unknown): ErrnoName | undefined {
  return error instanceof KernelError ? error.code : undefined;
}

/** What `act` gives, or undefined where the kernel says ENOENT. */
export function unlessAbsent<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws BatchError with the number of elements before the first that was refused */
function each(n: number, act: (i: number) => void): void {
  for (let i = 0; i < n; i++) {
    try {
      act(i);
    } catch (error) {
      if (error instanceof KernelError) throw new BatchError(error, i);
      throw error;
    }
  }
}

type ElementOps = Pick<MapType, 'lookup' | 'update' | 'delete' | 'getNextKey'>;

export function genericLookupBatch(type: ElementOps): NonNullable<MapType['lookupBatch']> {
  return (map, from, count, { elemFlags }): MapBatch => {
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    let next = from;
    while (keys.length < count) {
      const key = unlessAbsent(() => type.getNextKey(map, next));
      if (key === undefined) return { keys, values, next: undefined };
      next = key;
      // an element may be empty, or may have gone since its key was read
      const value = unlessAbsent(() => type.lookup(map, key, elemFlags));
      if (value === undefined) continue;
      keys.push(key);
      values.push(value);
    }
    return { keys, values, next };
  };
}

export function genericUpdateBatch(type: ElementOps): NonNullable<MapType['updateBatch']> {
  return (map, keys, values, elemFlags) => each(keys.length, (i) => type.update(map, keys[i]!, values[i]!, elemFlags));
}

export function genericDeleteBatch(type: ElementOps): NonNullable<MapType['deleteBatch']> {
  return (map, keys) => each(keys.length, (i) => type.delete(map, keys[i]!));
}
