/** Errors as plain data: a structured clone keeps an Error's message but loses what KernelError adds. */
import { type ErrnoName, KernelError } from '@cpumap/uapi';

export interface ErrorData {
  readonly message: string;
  readonly stack: string | undefined;
  readonly kernel?: { readonly code: ErrnoName; readonly syscall: string; readonly hint: string | undefined };
}

export function errorToData(thrown: unknown): ErrorData {
  if (!(thrown instanceof Error)) return { message: String(thrown), stack: undefined };
  const { message, stack } = thrown;
  if (!(thrown instanceof KernelError)) return { message, stack };
  return { message, stack, kernel: { code: thrown.code, syscall: thrown.syscall, hint: thrown.hint } };
}

export function errorFromData({ message, stack, kernel }: ErrorData): Error {
  const error =
    kernel === undefined
      ? new Error(message)
      : new KernelError(kernel.code, kernel.syscall, kernel.hint === undefined ? {} : { hint: kernel.hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
