/** Exit codes, as the sample of 2017 numbers them. */
export const EXIT = { OK: 0, FAIL: 1, OPTION: 2, XDP: 3, BPF: 4, MEMORY: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An end of the command that is told in one message, without a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
