/** The one error that reading assembly text raises: where, what was found and what was expected. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;

  constructor(line: number, column: number, what: string) {
    super(`line ${line}, column ${column}: ${what}`);
    this.line = line;
    this.column = column;
  }
}
