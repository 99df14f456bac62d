/**
 * What each instruction of a code section refers to, as a place in the object: before anything has a name.
 *
 * Compilers say it in three ways, all of them read here:
 *   a relocation by the target's own symbol        ld_imm64 of a global, call of a global function
 *   a relocation by the section's symbol           statics; the immediate holds the offset: bytes, or slots - 1 for a call
 *   no relocation                                  calls inside one section: the immediate counts from the next slot
 */
import { type Elf, sectionReader } from '../elf/elf.ts';
import { type ElfSection, SHN_UNDEF, STB } from '../elf/elf-format.ts';
import type { ElfRelocation } from '../elf/elf-tables.ts';
import { PSEUDO, type ReferringSlot, referringSlots, SLOT } from './instructions.ts';

export interface Target {
  /** Slot in the code section. */
  readonly slot: number;
  readonly kind: ReferringSlot['kind'];
  /** A place in a section, or the name of what the object does not have. */
  readonly to:
    | { readonly section: number; readonly offset: number }
    | { readonly missing: string; readonly weak: boolean };
}

const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

export function readTargets(elf: Elf, section: ElfSection): Target[] {
  const reader = sectionReader(elf, section);
  const relocations = new Map<number, ElfRelocation>();
  for (const relocation of elf.relocations.get(section.index) ?? []) {
    const { offset, type } = relocation;
    if (offset % SLOT !== 0 || offset + SLOT > reader.length) {
      reader.fail('bad-relocation', offset, 'a relocation of no instruction');
    }
    if (relocations.has(offset / SLOT)) reader.fail('bad-relocation', offset, 'a second relocation of one instruction');
    if (type !== R_BPF_64_64 && type !== R_BPF_64_32) {
      reader.fail('unsupported', offset, `a relocation of type ${type} in code`);
    }
    relocations.set(offset / SLOT, relocation);
  }

  const targets: Target[] = [];
  for (const { slot, kind, source, immediate } of referringSlots(reader)) {
    const relocation = relocations.get(slot);
    relocations.delete(slot);
    if (relocation === undefined) {
      const within = kind === 'call' ? source === PSEUDO.CALL : source === PSEUDO.FUNC;
      if (within) targets.push({ slot, kind, to: { section: section.index, offset: (slot + 1 + immediate) * SLOT } });
      continue;
    }
    const symbol = elf.symbols[relocation.symbol]!;
    if (symbol.section === SHN_UNDEF) {
      if (symbol.name === '')
        reader.fail('bad-relocation', slot * SLOT, 'a relocation by a symbol without name or place');
      targets.push({ slot, kind, to: { missing: symbol.name, weak: symbol.binding === STB.WEAK } });
      continue;
    }
    const addend = relocation.addend ?? immediate;
    const offset = symbol.value + (kind === 'call' ? (addend + 1) * SLOT : addend);
    targets.push({ slot, kind, to: { section: symbol.section, offset } });
  }
  const [left] = relocations.keys();
  if (left !== undefined) {
    reader.fail('bad-relocation', left * SLOT, 'a relocation of an instruction that is neither ld_imm64 nor a call');
  }
  return targets;
}
