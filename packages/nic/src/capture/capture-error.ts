/**
 * The one error that reading a capture can raise.
 *
 * Thrown where nothing can be returned. Once a file's header has been accepted, the same code, offset and message come
 * as `DecodedCapture.problem` instead, next to the frames that were read before the fault.
 */
import type { CaptureErrorCode, CaptureProblem } from './types.ts';

export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;
  /** The byte of the file where it is wrong. */
  readonly offset: number;

  /** `what` is a sentence without an end; the byte is put in front of it. */
  constructor(code: CaptureErrorCode, offset: number, what: string) {
    super(`byte ${offset}: ${what}`);
    this.code = code;
    this.offset = offset;
  }
}

/** The same as plain data, which survives JSON and a message to another thread. */
export function problemOf({ code, offset, message }: CaptureError): CaptureProblem {
  return { code, offset, message };
}

/** Runs `read` to its end or to its first fault, which is returned. Other errors pass through. */
export function untilFault(read: () => void): CaptureProblem | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof CaptureError) return problemOf(error);
    throw error;
  }
}
