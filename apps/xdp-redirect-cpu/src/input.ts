/** Reads what comes in: a capture from a file or standard input, or the packet generator's frames. */
import { readFileSync } from 'node:fs';
import {
  CaptureError,
  type CaptureProblem,
  captureSource,
  type DecodedCapture,
  decodeCapture,
  type FrameSource,
  pktgenSource,
} from '@cpumap/nic';
import { CommandError, EXIT } from './exit-codes.ts';
import type { Settings } from './settings.ts';

export interface Input {
  /** What it is, for a person. */
  readonly description: string;
  readonly source: FrameSource;
  /** The address that the device takes: that of whoever received the capture. */
  readonly address: Uint8Array | undefined;
  /** Set when the file was only partly usable: the run goes on with the frames before the fault, and ends with an error. */
  readonly problem: CaptureProblem | undefined;
}

const STDIN = 0;
/** The generator's frames go to this address, the device's own. */
const PKTGEN_ADDRESS = Uint8Array.of(0x02, 0x00, 0x00, 0x00, 0x00, 0x01);

function readAll(path: string | URL): Uint8Array {
  try {
    return readFileSync(path === '-' ? STDIN : path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'not readable' : message;
    throw new CommandError(EXIT.FAIL, `--input ${path}: ${why}`, error);
  }
}

/** The unicast address that most frames went to. */
function receiverOf(frames: readonly { readonly data: Uint8Array }[]): Uint8Array | undefined {
  const seen = new Map<string, number>();
  for (const { data } of frames) {
    if (data.length < 6 || (data[0]! & 1) === 1) continue;
    const address = data.subarray(0, 6).join(':');
    seen.set(address, (seen.get(address) ?? 0) + 1);
  }
  const [most] = [...seen].sort((a, b) => b[1] - a[1]);
  return most === undefined ? undefined : Uint8Array.from(most[0].split(':'), Number);
}

const nameOf = (path: string | URL): string => (path === '-' ? 'standard input' : `${path}`);

/** @throws CommandError for what is no capture, and for one without frames */
export function readCapture(path: string | URL): DecodedCapture {
  const bytes = readAll(path);
  try {
    const capture = decodeCapture(bytes);
    if (capture.frames.length > 0) return capture;
    throw new CommandError(EXIT.FAIL, `--input ${nameOf(path)}: ${capture.problem?.message ?? 'it holds no frames'}`);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    throw new CommandError(EXIT.FAIL, `--input ${nameOf(path)}: ${error.message}`, error);
  }
}

/** The frames of a capture that is whole. @throws CommandError */
export function readFrames(path: string): Uint8Array[] {
  const { frames, problem } = readCapture(path);
  if (problem !== undefined) throw new CommandError(EXIT.FAIL, `--input ${nameOf(path)}: ${problem.message}`);
  return frames.map(({ data }) => data);
}

function fromCapture(path: string, settings: Settings): Input {
  const capture = readCapture(path);
  const { speed, loop, count } = settings;
  return {
    description: `${nameOf(path)}: ${capture.frames.length} frames, ${capture.format}`,
    source: captureSource(capture, count === undefined ? { speed, loop } : { speed, loop, count }),
    address: receiverOf(capture.frames),
    problem: capture.problem,
  };
}

export function readInput(settings: Settings): Input {
  const { input, pktgen } = settings;
  if (pktgen === undefined) return fromCapture(input!, settings);
  const rate = pktgen.rate === Number.POSITIVE_INFINITY ? 'as fast as they are taken' : `${pktgen.rate} frames/s`;
  const size = pktgen.imix ? 'imix' : `${pktgen.size} bytes`;
  return {
    description: `pktgen: ${rate}, ${size}, ${pktgen.flows} flow${pktgen.flows === 1 ? '' : 's'} of ${pktgen.proto}`,
    source: pktgenSource(pktgen, settings.count, { destinationMac: [...PKTGEN_ADDRESS].map(hex).join(':') }),
    address: PKTGEN_ADDRESS,
    problem: undefined,
  };
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
