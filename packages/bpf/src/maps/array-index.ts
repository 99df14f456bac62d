/** What all arrays have in common, those of descriptors too: keys are indexes below max_entries. */

import { bytesOfU32, u32Of } from './map-key.ts';
import { refuse } from './map-refusal.ts';

/** mirrors array_map_get_next_key: all indexes in order, empty ones too; what is no index is before the first. */
export function nextIndex(key: Uint8Array | undefined, maxEntries: number): Uint8Array {
  const index = key === undefined ? maxEntries : u32Of(key);
  if (index >= maxEntries) return bytesOfU32(0);
  if (index === maxEntries - 1) refuse('ENOENT', 'BPF_MAP_GET_NEXT_KEY', `${index} was the last key`);
  return bytesOfU32(index + 1);
}

/** The access flags that programs may be held to; not both at once (bpf_map_flags_access_ok). */
export function accessOk(flags: number): boolean {
  return (flags & 0x180) !== 0x180;
}
