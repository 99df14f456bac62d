/**
 * The traffic of a flood: 64-byte UDP datagrams to port 9 from many senders, and among them, one in a hundred, the
 * legitimate frames in their order. Where in its hundred a legitimate frame stands follows from the seed, so that it does
 * not keep step with the polls of a queue.
 */
import { type FrameSource, pacedSource, parsePktgenSpec, pktgenTemplates } from '@cpumap/nic';
import { randomFrom } from '../random.ts';
import { fingerprint } from './fingerprint.ts';

/** One frame in so many is legitimate. */
export const MIX = 100;
const SENDERS = 4096;

export interface FloodMix {
  /** The first `count` frames at `rate` frames per second; Infinity is as fast as they are taken. */
  source(count: number, rate: number): FrameSource;
  /** How many of the first `count` frames are legitimate. */
  legitimateIn(count: number): number;
  readonly fingerprints: readonly number[];
}

/** @throws RangeError when a flood frame could be taken for a legitimate one */
export function createFloodMix(legitimate: readonly Uint8Array[], seed: number): FloodMix {
  const flood = pktgenTemplates(parsePktgenSpec(`flows=${SENDERS},seed=${seed >>> 0}`)).map(({ data }) => data);
  const frames = [...legitimate, ...flood];
  const fingerprints = new Set(legitimate.map((frame) => fingerprint(frame)));
  if (flood.some((frame) => fingerprints.has(fingerprint(frame)))) {
    throw new RangeError('frames of the flood and of the capture cannot be told apart: use another seed');
  }
  const random = randomFrom(seed);
  const order = new Uint32Array(legitimate.length * MIX);
  const places = Uint8Array.from(legitimate, () => random(MIX));
  for (let at = 0; at < order.length; at++) {
    const block = Math.floor(at / MIX);
    order[at] = at % MIX === places[block] ? block : legitimate.length + random(SENDERS);
  }
  return {
    source: (count, rate) => pacedSource({ frames, order, count }, rate),
    legitimateIn(count) {
      const rest = count % order.length;
      const whole = Math.floor(count / order.length) * legitimate.length;
      return whole + order.subarray(0, rest).reduce((n, frame) => (frame < legitimate.length ? n + 1 : n), 0);
    },
    fingerprints: [...fingerprints],
  };
}
