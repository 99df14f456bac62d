import { ERRNO, type ErrnoName, errnoText } from './errno.ts';

export interface KernelErrorDetails {
  /** What caused it and the way out, in one sentence: the part that the kernel does not say. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The answer "no" of a kernel operation: what Linux would return as -1 and errno, plus the hint that it never gives.
 *
 * `code` is the errno's name, `errno` its positive number, `syscall` the operation as a person would name it
 * (`'bpf(BPF_MAP_UPDATE_ELEM)'`).
 */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly code: ErrnoName;
  readonly errno: number;
  readonly syscall: string;
  readonly hint: string | undefined;

  constructor(code: ErrnoName, syscall: string, details: KernelErrorDetails = {}) {
    const { hint, cause } = details;
    super(`${syscall}: ${errnoText(code)} (${code})${hint === undefined ? '' : `: ${hint}`}`, { cause });
    this.code = code;
    this.errno = ERRNO[code];
    this.syscall = syscall;
    this.hint = hint;
  }
}
