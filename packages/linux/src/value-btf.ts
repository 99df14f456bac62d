/** BTF for values with a bpf_spin_lock: the kernel finds the lock by its type, so a value without one has none. */
import { BTF_KIND, type BtfTypeWords, loadBtf } from './encode-btf.ts';

/** Ids of the types, for BPF_MAP_CREATE. */
export const LOCKED_KEY_TYPE = 3;
export const LOCKED_VALUE_TYPE = 4;
const INT_TYPE = 1;
const LOCK_TYPE = 2;

/** A value of `valueSize` bytes with its lock at an offset; keys are bytes. */
function lockedValueTypes(keySize: number, valueSize: number, lockOffset: number): BtfTypeWords[] {
  return [
    { name: 'unsigned int', kind: BTF_KIND.INT, sizeOrType: 4, rest: [32] },
    { name: 'bpf_spin_lock', kind: BTF_KIND.STRUCT, parts: 1, sizeOrType: 4, rest: ['val', INT_TYPE, 0] },
    { name: 'key', kind: BTF_KIND.STRUCT, sizeOrType: keySize },
    {
      name: 'value',
      kind: BTF_KIND.STRUCT,
      parts: 1,
      sizeOrType: valueSize,
      rest: ['lock', LOCK_TYPE, 8 * lockOffset],
    },
  ];
}

/** A descriptor, the caller's to close. @throws KernelError */
export function loadLockedValueBtf(keySize: number, valueSize: number, lockOffset: number): number {
  return loadBtf(lockedValueTypes(keySize, valueSize, lockOffset));
}
