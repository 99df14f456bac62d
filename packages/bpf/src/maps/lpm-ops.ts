/**
 * LPM_TRIE on keys and values anywhere in the shared memory, for programs on any CPU and for the host thread; mirrors
 * trie_lookup_elem, trie_update_elem and trie_delete_elem. A lookup takes no lock; one writer at a time changes the trie.
 */

import { type Memory, spinLock, spinUnlock } from '@cpumap/smp';
import { BPF_EXIST, BPF_NOEXIST, ERRNO } from '@cpumap/uapi';
import { BPF_MAP } from './bpf-map.ts';
import { LPM_DATA_OFF, LPM_KEY_DATA, LPM_NODE, LPM_TRIE, LPM_WRITERS, LPM_WRITERS_AT } from './lpm-layout.ts';
import { attachSharedBytes } from './shared-bytes.ts';

export interface LpmOps {
  /** The value's address of the longest prefix that the key has, or 0. */
  lookup(map: number, key: number): number;
  update(map: number, key: number, value: number, flags: number): number;
  delete(map: number, key: number): number;
  lock(map: number): void;
  unlock(map: number): void;
  /** How many leading bits a node's prefix and a key's have in common. */
  commonBits(node: number, key: number): number;
  /** Bit `index` of a key's data, the first bit of a byte being its highest. */
  bitOf(data: number, index: number): number;
}

/** `fence` is the address of a word that nobody else uses. */
export function attachLpmOps(memory: Memory, fence: number): LpmOps {
  const { u8, u32, i32 } = memory;
  const bytes = attachSharedBytes(memory);
  const STATE = BPF_MAP.state >> 2;
  const KEY_SIZE = BPF_MAP.key_size >> 2;
  const VALUE_SIZE = BPF_MAP.value_size >> 2;
  const MAX_ENTRIES = BPF_MAP.max_entries >> 2;
  const ROOT = LPM_TRIE.root >> 2;
  const VERSION = LPM_TRIE.version >> 2;
  const MAX_PREFIXLEN = LPM_TRIE.max_prefixlen >> 2;
  const VALUE_OFF = LPM_TRIE.value_off >> 2;
  const LOCK = (LPM_WRITERS_AT + LPM_WRITERS.lock) >> 2;
  const N_ENTRIES = (LPM_WRITERS_AT + LPM_WRITERS.n_entries) >> 2;
  const FREE_HEAD = (LPM_WRITERS_AT + LPM_WRITERS.free_head) >> 2;
  const FRESH = (LPM_WRITERS_AT + LPM_WRITERS.fresh) >> 2;
  const PREFIXLEN = LPM_NODE.prefixlen >> 2;
  const INTERMEDIATE = LPM_NODE.intermediate >> 2;
  const EINVAL = -ERRNO.EINVAL;
  const ENOENT = -ERRNO.ENOENT;
  const EEXIST = -ERRNO.EEXIST;
  const ENOSPC = -ERRNO.ENOSPC;
  const fenceWord = fence >> 2;

  function bitOf(data: number, index: number): number {
    return (u8[data + (index >> 3)]! >> (7 - (index & 7))) & 1;
  }

  function commonBits(node: number, key: number): number {
    const limit = Math.min(u32[(node >> 2) + PREFIXLEN]!, bytes.word(key) >>> 0);
    const a = node + LPM_DATA_OFF;
    const b = key + LPM_KEY_DATA;
    for (let bit = 0; bit < limit; bit += 8) {
      const differ = u8[a + (bit >> 3)]! ^ u8[b + (bit >> 3)]!;
      if (differ !== 0) return Math.min(limit, bit + Math.clz32(differ) - 24);
    }
    return limit;
  }

  /** The node of the longest prefix. A node that is used again meanwhile may lead astray, but never for ever. */
  function longest(trie: number, key: number, steps: number): number {
    let found = 0;
    let node = Atomics.load(i32, trie + ROOT);
    const wanted = bytes.word(key) >>> 0;
    while (node !== 0 && steps-- >= 0) {
      const n = node >> 2;
      const prefixlen = u32[n + PREFIXLEN]!;
      if (prefixlen > wanted || commonBits(node, key) < prefixlen) break;
      if (u32[n + INTERMEDIATE] === 0) found = node;
      if (prefixlen >= wanted) break;
      node = i32[n + bitOf(key + LPM_KEY_DATA, prefixlen)]!;
    }
    return found;
  }

  /** A node with a key's first `prefixlen` bits; entries are counted, so there is always one. */
  function takeNode(m: number, trie: number, data: number, prefixlen: number, intermediate: number): number {
    let node = u32[trie + FREE_HEAD]!;
    if (node !== 0) u32[trie + FREE_HEAD] = u32[node >> 2]!;
    else {
      const index = u32[trie + FRESH]!;
      u32[trie + FRESH] = index + 1;
      node = u32[m + (BPF_MAP.elements >> 2)]! + index * u32[m + (BPF_MAP.element_size >> 2)]!;
    }
    const n = node >> 2;
    i32[n] = 0;
    i32[n + 1] = 0;
    u32[n + PREFIXLEN] = prefixlen;
    u32[n + INTERMEDIATE] = intermediate;
    bytes.copy(node + LPM_DATA_OFF, data, u32[m + KEY_SIZE]! - LPM_KEY_DATA);
    return node;
  }

  /** Gives nodes back that are out of the trie. */
  function freeNode(trie: number, node: number): void {
    Atomics.add(i32, trie + VERSION, 1);
    u32[node >> 2] = u32[trie + FREE_HEAD]!;
    u32[trie + FREE_HEAD] = node;
  }

  function updateLocked(map: number, trie: number, key: number, value: number, flags: number): number {
    const m = map >> 2;
    const data = key + LPM_KEY_DATA;
    const prefixlen = bytes.word(key) >>> 0;
    // down to the first node that the key does not go through
    let slot = trie + ROOT;
    let node = i32[slot]!;
    let common = 0;
    while (node !== 0) {
      common = commonBits(node, key);
      const own = u32[(node >> 2) + PREFIXLEN]!;
      if (own !== common || own === prefixlen) break;
      slot = (node >> 2) + bitOf(data, own);
      node = i32[slot]!;
    }
    const same = node !== 0 && common === prefixlen && u32[(node >> 2) + PREFIXLEN] === prefixlen;
    const exists = same && u32[(node >> 2) + INTERMEDIATE] === 0;
    if (exists ? flags === BPF_NOEXIST : flags === BPF_EXIST) return exists ? EEXIST : ENOENT;
    if (!exists && u32[trie + N_ENTRIES] === u32[m + MAX_ENTRIES]) return ENOSPC;

    const fresh = takeNode(m, trie, data, prefixlen, 0);
    bytes.copy(fresh + u32[trie + VALUE_OFF]!, value, u32[m + VALUE_SIZE]!);
    if (!exists) u32[trie + N_ENTRIES] = u32[trie + N_ENTRIES]! + 1;
    if (same) {
      i32[fresh >> 2] = i32[node >> 2]!;
      i32[(fresh >> 2) + 1] = i32[(node >> 2) + 1]!;
      Atomics.store(i32, slot, fresh);
      freeNode(trie, node);
    } else if (node === 0) {
      Atomics.store(i32, slot, fresh);
    } else if (common === prefixlen) {
      // the key is a prefix of the node
      i32[(fresh >> 2) + bitOf(node + LPM_DATA_OFF, common)] = node;
      Atomics.store(i32, slot, fresh);
    } else {
      const parting = takeNode(m, trie, node + LPM_DATA_OFF, common, 1);
      const side = bitOf(data, common);
      i32[(parting >> 2) + side] = fresh;
      i32[(parting >> 2) + 1 - side] = node;
      Atomics.store(i32, slot, parting);
    }
    return 0;
  }

  function deleteLocked(trie: number, key: number): number {
    const prefixlen = bytes.word(key) >>> 0;
    let aboveSlot = 0;
    let above = 0;
    let slot = trie + ROOT;
    let node = i32[slot]!;
    while (node !== 0) {
      const own = u32[(node >> 2) + PREFIXLEN]!;
      const common = commonBits(node, key);
      if (own !== common || own === prefixlen) break;
      aboveSlot = slot;
      above = node;
      slot = (node >> 2) + bitOf(key + LPM_KEY_DATA, own);
      node = i32[slot]!;
    }
    if (node === 0 || u32[(node >> 2) + PREFIXLEN] !== prefixlen || commonBits(node, key) !== prefixlen) return ENOENT;
    const n = node >> 2;
    if (u32[n + INTERMEDIATE] !== 0) return ENOENT;
    u32[trie + N_ENTRIES] = u32[trie + N_ENTRIES]! - 1;
    const [left, right] = [i32[n]!, i32[n + 1]!];
    if (left !== 0 && right !== 0) {
      Atomics.store(i32, n + INTERMEDIATE, 1); // two prefixes still part here
      return 0;
    }
    if (left === 0 && right === 0 && above !== 0 && u32[(above >> 2) + INTERMEDIATE] !== 0) {
      // nothing parts above any more: the sibling takes that place
      const a = above >> 2;
      Atomics.store(i32, aboveSlot, slot === a ? i32[a + 1]! : i32[a]!);
      freeNode(trie, above);
    } else Atomics.store(i32, slot, left !== 0 ? left : right);
    freeNode(trie, node);
    return 0;
  }

  const trieOf = (map: number): number => u32[(map >> 2) + STATE]! >> 2;

  return {
    commonBits,
    bitOf,
    lock: (map) => spinLock(i32, trieOf(map) + LOCK),
    unlock: (map) => spinUnlock(i32, trieOf(map) + LOCK),
    lookup(map, key) {
      const trie = trieOf(map);
      const max = u32[trie + MAX_PREFIXLEN]!;
      if (bytes.word(key) >>> 0 > max) return 0;
      for (;;) {
        const version = Atomics.load(i32, trie + VERSION);
        const found = longest(trie, key, max);
        Atomics.add(i32, fenceWord, 1); // all that was read was read before the version is read again
        if (Atomics.load(i32, trie + VERSION) === version) return found === 0 ? 0 : found + u32[trie + VALUE_OFF]!;
      }
    },
    update(map, key, value, flags) {
      const trie = trieOf(map);
      if (!(flags >= 0 && flags <= BPF_EXIST) || bytes.word(key) >>> 0 > u32[trie + MAX_PREFIXLEN]!) return EINVAL;
      spinLock(i32, trie + LOCK);
      const answer = updateLocked(map, trie, key, value, flags);
      spinUnlock(i32, trie + LOCK);
      return answer;
    },
    delete(map, key) {
      const trie = trieOf(map);
      if (bytes.word(key) >>> 0 > u32[trie + MAX_PREFIXLEN]!) return EINVAL;
      spinLock(i32, trie + LOCK);
      const answer = deleteLocked(trie, key);
      spinUnlock(i32, trie + LOCK);
      return answer;
    },
  };
}
