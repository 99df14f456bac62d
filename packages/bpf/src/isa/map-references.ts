/**
 * Maps by name: what a program knows of its maps before it is loaded, and how the names become addresses.
 *
 * An instruction that names a map says only what kind of thing it loads (src 1 the map, 2 a place in its value, with its
 * offset); which map is in a MapReference beside the program. Builder and object files give both.
 */
import type { Memory } from '@cpumap/smp';
import { KernelError } from '@cpumap/uapi';
import { BPF_MAP } from '../maps/bpf-map.ts';
import type { Instruction } from './instruction.ts';
import { refuseInstruction } from './refusal.ts';
import { relocate } from './relocate.ts';

export interface MapReference {
  /** Of the 64-bit immediate load. */
  readonly slot: number;
  readonly kind: 'map' | 'map-value';
  /** The map's name. */
  readonly target: string;
  /** Byte offset in the first value; 0 for `map`. */
  readonly offset: number;
}

export interface UnlinkedProgram {
  readonly instructions: readonly Instruction[];
  readonly mapReferences: readonly MapReference[];
}

/**
 * The program with addresses in place of names; `maps` is as in ProgramEnv.
 * @throws KernelError EBADF for a name that `maps` lacks, EINVAL for a reference that nothing names
 */
export function relocateMaps(
  { instructions, mapReferences }: UnlinkedProgram,
  maps: Readonly<Record<string, number>>,
  { u32 }: Memory,
): Instruction[] {
  const references = new Map(mapReferences.map((reference) => [reference.slot, reference]));
  return relocate(instructions, ({ slot }) => {
    const reference = references.get(slot) ?? refuseInstruction(slot, 'it loads a map, and nothing says which');
    const { kind, target, offset } = reference;
    const map = Object.hasOwn(maps, target) ? maps[target] : undefined;
    if (map === undefined) {
      const known = Object.keys(maps).join(', ') || 'none';
      throw new KernelError('EBADF', 'bpf(BPF_PROG_LOAD)', {
        hint: `slot ${slot}: there is no map "${target}"; the program was given: ${known}`,
      });
    }
    return kind === 'map' ? map : u32[(map + BPF_MAP.elements) >> 2]! + offset;
  });
}
