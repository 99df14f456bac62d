/**
 * Values with a bpf_spin_lock: copying one leaves the lock alone (copy_map_value), with BPF_F_LOCK it is held meanwhile
 * (copy_map_value_locked), and nobody is ever shown the lock (check_and_init_map_value).
 */

import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import { BPF_MAP, NO_SPIN_LOCK } from './bpf-map.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface MapValues {
  /** Writes the value of an element from anywhere in the shared memory; the lock is not copied. */
  store(map: number, element: number, from: number): void;
  /** The same while holding the element's lock. */
  storeLocked(map: number, element: number, from: number): void;
  /** A copy for user space. */
  read(map: number, element: number, locked: boolean): Uint8Array<ArrayBuffer>;
  hasLock(map: number): boolean;
}

export function attachMapValues(memory: Memory): MapValues {
  const { u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const VALUE_SIZE = BPF_MAP.value_size >> 2;
  const SPIN_LOCK_OFF = BPF_MAP.spin_lock_off >> 2;

  function store(map: number, element: number, from: number): void {
    const size = u32[(map >> 2) + VALUE_SIZE]!;
    const lock = u32[(map >> 2) + SPIN_LOCK_OFF]!;
    if (lock === NO_SPIN_LOCK) bytes.copy(element, from, size);
    else {
      bytes.copy(element, from, lock);
      bytes.copy(element + lock + 4, from + lock + 4, size - lock - 4);
    }
  }

  return {
    store,
    hasLock: (map) => u32[(map >> 2) + SPIN_LOCK_OFF] !== NO_SPIN_LOCK,
    storeLocked(map, element, from) {
      const lock = (element + u32[(map >> 2) + SPIN_LOCK_OFF]!) >> 2;
      spinLock(i32, lock);
      store(map, element, from);
      spinUnlock(i32, lock);
    },
    read(map, element, locked) {
      const size = u32[(map >> 2) + VALUE_SIZE]!;
      const lock = u32[(map >> 2) + SPIN_LOCK_OFF]!;
      if (lock === NO_SPIN_LOCK) return bytes.read(element, size);
      if (locked) spinLock(i32, (element + lock) >> 2);
      const value = bytes.read(element, size);
      if (locked) spinUnlock(i32, (element + lock) >> 2);
      return value.fill(0, lock, lock + 4);
    },
  };
}
