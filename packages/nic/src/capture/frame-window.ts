/**
 * The window of one captured frame, shared by both readers: cuts off the frame check sequence if the file has it.
 *
 * The sequence is the end of the frame as it was on the wire. A frame that was cut when it was captured has lost it
 * first, wholly or in part; what is left of it goes, and no byte of the frame itself does.
 */
import type { CapturedFrame } from './types.ts';

/** `captured` bytes lie at `at`, which the caller has checked; `fcsLength` of the `original` ones are the sequence. */
export function frameWindow(
  bytes: Uint8Array,
  at: number,
  captured: number,
  original: number,
  fcsLength: number,
  timestampNs: bigint,
  interfaceId: number,
): CapturedFrame {
  // some tools write an original length of 0, or one before a tag was put back: the captured bytes were there
  const onWire = Math.max(original, captured);
  const originalLength = Math.max(onWire - fcsLength, 0);
  const length = Math.min(captured, originalLength);
  return { data: bytes.subarray(at, at + length), originalLength, timestampNs, interfaceId };
}
