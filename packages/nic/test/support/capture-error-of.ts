import { expect } from 'vitest';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { decodeCapture } from '../../src/capture/decode.ts';

/** The error that reading `bytes` throws; fails if it throws another one, or none. */
export function captureErrorOf(bytes: Uint8Array): CaptureError {
  try {
    decodeCapture(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(CaptureError);
    return error as CaptureError;
  }
  return expect.fail('nothing was thrown');
}
