/**
 * The elements of a hash that are not linked: one list under one lock, and for the LRU types a clock that makes room.
 *
 * The clock's hand goes over all elements. One that a program has looked at since the hand's last visit loses its mark
 * and stays; the first without a mark is taken out. So an element that is looked at between two sweeps survives, and a
 * new one is the last that the hand comes to. (The kernel keeps an active and an inactive list; both are approximations.)
 *
 * Of an LRU, locks nest  free list → bucket ; of the other hashes, bucket → free list.
 */

import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import { BPF_MAP } from './bpf-map.ts';
import type { HashChains } from './hash-chain.ts';
import { HTAB, HTAB_ELEM, HTAB_FREE, HTAB_FREE_AT } from './hash-layout.ts';

export interface HashFreeList {
  /** An element for the caller, or 0 when all are in use. Of an LRU type never 0. */
  take(map: number): number;
  give(map: number, element: number): void;
}

export function attachHashFreeList({ u32, i32 }: Memory, chains: HashChains): HashFreeList {
  const STATE = BPF_MAP.state >> 2;
  const ELEMENTS = BPF_MAP.elements >> 2;
  const ELEMENT_SIZE = BPF_MAP.element_size >> 2;
  const CAPACITY = HTAB.capacity >> 2;
  const N_ELEMS = HTAB.n_elems >> 2;
  const LRU = HTAB.lru >> 2;
  const VALUE_OFF = HTAB.value_off >> 2;
  const PERCPU_VALUES = HTAB.percpu_values >> 2;
  const FREE_LOCK = (HTAB_FREE_AT + HTAB_FREE.lock) >> 2;
  const FREE_HEAD = (HTAB_FREE_AT + HTAB_FREE.head) >> 2;
  const FRESH = (HTAB_FREE_AT + HTAB_FREE.fresh) >> 2;
  const HAND = (HTAB_FREE_AT + HTAB_FREE.hand) >> 2;
  const HASH = HTAB_ELEM.hash >> 2;
  const VALUE = HTAB_ELEM.value >> 2;
  const REF = HTAB_ELEM.ref >> 2;
  const NEXT_FREE = HTAB_ELEM.next_free >> 2;

  /** An element that was never used; it learns where its value lies. */
  function fresh(m: number, htab: number): number {
    const index = u32[htab + FRESH]!;
    if (index === u32[htab + CAPACITY]!) return 0;
    u32[htab + FRESH] = index + 1;
    const element = u32[m + ELEMENTS]! + index * u32[m + ELEMENT_SIZE]!;
    const values = u32[htab + PERCPU_VALUES]!;
    const valueOff = u32[htab + VALUE_OFF]!;
    // a per-CPU type's values are of one size, rounded up to 8, and follow each other
    const roundedSize = (u32[m + (BPF_MAP.value_size >> 2)]! + 7) & ~7;
    u32[(element >> 2) + VALUE] = values === 0 ? element + valueOff : values + index * roundedSize;
    return element;
  }

  /** One round of the clock, of an LRU whose elements were all handed out; 0 when all are marked or in other hands. */
  function evict(map: number, m: number, htab: number): number {
    const n = u32[htab + N_ELEMS]!;
    for (let i = 0; i < n; i++) {
      const hand = u32[htab + HAND]!;
      u32[htab + HAND] = hand + 1 === n ? 0 : hand + 1;
      const element = u32[m + ELEMENTS]! + hand * u32[m + ELEMENT_SIZE]!;
      const e = element >> 2;
      if (i32[e + REF] !== 0) {
        i32[e + REF] = 0;
        continue;
      }
      const bucket = chains.bucketOf(map, i32[e + HASH]!);
      chains.lock(bucket);
      const taken = chains.unlink(bucket, element);
      chains.unlock(bucket);
      if (taken) return element;
    }
    return 0;
  }

  return {
    take(map) {
      const m = map >> 2;
      const htab = u32[m + STATE]! >> 2;
      for (;;) {
        spinLock(i32, htab + FREE_LOCK);
        let element = u32[htab + FREE_HEAD]!;
        if (element !== 0) u32[htab + FREE_HEAD] = u32[(element >> 2) + NEXT_FREE]!;
        else element = fresh(m, htab);
        const lru = u32[htab + LRU] !== 0;
        if (element === 0 && lru) element = evict(map, m, htab);
        spinUnlock(i32, htab + FREE_LOCK);
        // of a tiny LRU all elements may be marked, or in the hands of CPUs that are about to link them: go round again
        if (element !== 0 || !lru) return element;
      }
    },
    give(map, element) {
      const htab = u32[(map >> 2) + STATE]! >> 2;
      spinLock(i32, htab + FREE_LOCK);
      u32[(element >> 2) + NEXT_FREE] = u32[htab + FREE_HEAD]!;
      u32[htab + FREE_HEAD] = element;
      spinUnlock(i32, htab + FREE_LOCK);
    },
  };
}
