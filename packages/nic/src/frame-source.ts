/**
 * What comes in on the wire, as the host describes it: frames, the order in which they come, and when.
 *
 * A source is plain data and may be used many times. Which queue a frame goes to is the device's business.
 */
import type { DecodedCapture } from './capture/types.ts';
import type { PktgenSpec } from './pktgen/spec.ts';
import { type PktgenAddresses, pktgenSequence, pktgenTemplates } from './pktgen/templates.ts';

export interface FrameSource {
  /** The different frames, without check sequence. */
  readonly frames: readonly Uint8Array[];
  /** One cycle: numbers of frames in the order in which they come. */
  readonly order: Uint32Array;
  /** When each element of the order is due, in nanoseconds after the start of the cycle; absent for "at once". */
  readonly dueNs?: Float64Array;
  /** Length of a cycle; only with `dueNs`. */
  readonly cycleNs?: number;
  /** Frames to send in all; Infinity sends cycle after cycle until stopped. */
  readonly count: number;
}

export interface CaptureSourceOptions {
  /** 'max' sends as fast as the rings take it; a number is a factor on the original timing (1 original, 2 twice as fast). */
  readonly speed?: 'max' | number;
  /** Start over at the end, until stopped or until `count`. */
  readonly loop?: boolean;
  /** At most this many frames. */
  readonly count?: number;
}

/** Frames that leave a device at once are this far apart at the end of a cycle, so that a loop has no zero gap. */
const LAST_GAP_NS = 1000;

/** Replays a capture. Frames are sent in the order of the file; a timestamp before the one in front of it counts as equal. */
export function captureSource(capture: DecodedCapture, options: CaptureSourceOptions = {}): FrameSource {
  const { speed = 'max', loop = false, count } = options;
  const frames = capture.frames.map((frame) => frame.data);
  if (frames.length === 0) throw new RangeError('the capture holds no frames');
  if (speed !== 'max' && !(speed > 0)) throw new RangeError(`a replay speed is above 0, not ${speed}`);
  const all = loop ? Number.POSITIVE_INFINITY : frames.length;
  const base = {
    frames,
    order: Uint32Array.from(frames, (_, index) => index),
    count: Math.min(count ?? Number.POSITIVE_INFINITY, all),
  };
  if (speed === 'max') return base;
  const dueNs = new Float64Array(frames.length);
  const first = capture.frames[0]!.timestampNs;
  let latest = 0;
  capture.frames.forEach(({ timestampNs }, index) => {
    latest = Math.max(latest, Number(timestampNs - first) / speed);
    dueNs[index] = latest;
  });
  return { ...base, dueNs, cycleNs: latest + LAST_GAP_NS };
}

/** Generates what a specification of `--pktgen` says, for a device of the given address. */
export function pktgenSource(
  spec: PktgenSpec,
  count: number = Number.POSITIVE_INFINITY,
  addresses: PktgenAddresses = {},
): FrameSource {
  const frames = pktgenTemplates(spec, addresses).map((template) => template.data);
  const { order } = pktgenSequence(spec);
  return pacedSource({ frames, order, count }, spec.rate);
}

/** The same frames again and again, at so many frames per second; Infinity for as fast as the rings take them. */
export function pacedSource(source: Pick<FrameSource, 'frames' | 'order' | 'count'>, rate: number): FrameSource {
  if (rate === Number.POSITIVE_INFINITY) return source;
  const gap = 1e9 / rate;
  const { order } = source;
  return { ...source, dueNs: Float64Array.from(order, (_, index) => index * gap), cycleNs: order.length * gap };
}
