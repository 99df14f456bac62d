/** What ends a program that does something it must not: the one error of a run. */
export type FaultKind =
  /** Memory that is not the program's, or a write where it may only read. */
  | 'access'
  /** An atomic operation at an address that is not a multiple of its size. */
  | 'misaligned'
  /** A helper or kfunc that the caller's table does not have. */
  | 'unknown-helper'
  /** callx to a value that is no function of the program. */
  | 'bad-call-target'
  /** More than eight functions inside each other. */
  | 'call-depth'
  /** More instructions than a run may execute. */
  | 'budget';

export class ProgramFault extends Error {
  override readonly name = 'ProgramFault';
  readonly kind: FaultKind;
  /** Of the instruction that did it. */
  readonly slot: number;
  /** Of the memory, for `access` and `misaligned`. */
  readonly address: number | undefined;

  /** `text` is the instruction as the disassembler writes it. */
  constructor(kind: FaultKind, slot: number, text: string, what: string, address?: number) {
    super(`slot ${slot}: ${text}: ${what}`);
    this.kind = kind;
    this.slot = slot;
    this.address = address;
  }
}
