/**
 * Why an object file was refused: the one error that reading an object throws, whatever its bytes are.
 *
 * The message names the file, the section and the byte offset inside it (inside the file where no section is known
 * yet), then what is wrong there, then what would help where that is known.
 */

export type ObjectErrorCode =
  /** The bytes are no ELF file at all. */
  | 'not-elf'
  /** Something reaches past the end of the file or of its section. */
  | 'truncated'
  /** ELF, but 32-bit, big-endian, for another machine, or linked: nothing that a BPF compiler writes. */
  | 'wrong-format'
  /** A section's place, size, link or contents contradict the format. */
  | 'bad-section'
  | 'bad-symbol'
  | 'bad-relocation'
  | 'bad-btf'
  | 'bad-map'
  | 'bad-program'
  /** A count or size that no compiler writes: refused to keep time and memory bounded. */
  | 'absurd'
  /** Right by the format, but not something that this reader understands. */
  | 'unsupported'
  /** A name that was asked for is not in the object. */
  | 'not-found';

export interface ObjectErrorPlace {
  readonly file?: string | undefined;
  readonly section?: string | undefined;
  readonly offset: number;
  /** The way out, in one sentence. */
  readonly hint?: string | undefined;
}

export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly code: ObjectErrorCode;
  readonly file: string | undefined;
  readonly section: string | undefined;
  /** Byte offset in `section`, or in the file where `section` is undefined. */
  readonly offset: number;
  readonly hint: string | undefined;

  constructor(code: ObjectErrorCode, what: string, { file, section, offset, hint }: ObjectErrorPlace) {
    const where = `${file ?? 'object'}${section === undefined ? '' : ` section ${section}`}+0x${offset.toString(16)}`;
    super(`${where}: ${what} (${code})${hint === undefined ? '' : `: ${hint}`}`);
    this.code = code;
    this.file = file;
    this.section = section;
    this.offset = offset;
    this.hint = hint;
  }
}
