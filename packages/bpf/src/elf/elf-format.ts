/** The numbers of the ELF format that BPF objects use, by the System V ABI's names, and what a section is. */
export const EM_BPF = 247;

export const SHT = { NULL: 0, PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, COMPRESSED: 0x800 } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
/** Section indexes with a meaning of their own start here. */
export const SHN_LORESERVE = 0xff00;
export const SHN_UNDEF = 0;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly size: number;
  /** Offset in the file. */
  readonly offset: number;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
  /** What the file holds of it: a view, empty for NOBITS. */
  readonly bytes: Uint8Array;
}
