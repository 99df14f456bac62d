/**
 * The frames of a packet generator, made once and then only copied: one for each flow and size, and the order in which
 * they are sent, over and over.
 *
 * Template `flow * classes + class`, where `classes` is how many sizes there are: 1, or 3 with imix (64, 594, 1518 bytes
 * on the wire; the first is more if the headers need it).
 *
 * Memory is bounded by the specification: at most 65536 flows, so 196608 templates and, with imix, 142 MB; 4 MB for 65536
 * flows of the smallest frame. All of them lie in one buffer, in the order of their numbers, without gaps.
 */

import type { Address } from '../frames/addresses.ts';
import { buildFrame } from '../frames/build-frame.ts';
import type { FrameSpec } from '../frames/frame-spec.ts';
import { flowAddress, flowPort, PKTGEN_DESTINATION } from './flows.ts';
import type { PktgenSpec } from './spec.ts';
import { FCS_LENGTH, pktgenMinSize } from './spec.ts';

export interface FrameTemplate {
  /** Ready for the driver: all lengths and checksums are right, no check sequence. */
  readonly data: Uint8Array;
  readonly flow: number;
}

export interface PktgenAddresses {
  /** Defaults are those of `FrameSpec`. */
  readonly sourceMac?: Address;
  /** The address of the device that is to receive, if its stack shall take the frames. */
  readonly destinationMac?: Address;
}

export interface PktgenSequence {
  /** Template numbers; after the last one comes the first. */
  readonly order: Uint32Array;
}

const IMIX_SIZES = [64, 594, 1518] as const;
/** Classes of twelve frames, 7:4:1, the long one in the middle and the others as even as they go. */
const IMIX_PATTERN = [0, 1, 0, 1, 0, 0, 2, 0, 1, 0, 1, 0] as const;

/** Frame lengths at the driver, one for each size class. */
export function pktgenFrameLengths(spec: PktgenSpec): number[] {
  if (!spec.imix) return [spec.size - FCS_LENGTH];
  const least = pktgenMinSize(spec);
  return IMIX_SIZES.map((size) => Math.max(size, least) - FCS_LENGTH);
}

/** Makes every frame of `spec`. */
export function pktgenTemplates(spec: PktgenSpec, addresses: PktgenAddresses = {}): FrameTemplate[] {
  const lengths = pktgenFrameLengths(spec);
  const perFlow = lengths.reduce((sum, length) => sum + length, 0);
  const buffer = new Uint8Array(perFlow * spec.flows);
  const templates: FrameTemplate[] = [];
  let at = 0;
  for (let flow = 0; flow < spec.flows; flow++) {
    const headers = flowHeaders(spec, flow, addresses);
    for (const length of lengths) {
      const data = buffer.subarray(at, at + length);
      data.set(buildFrame({ ...headers, length }));
      templates.push({ data, flow });
      at += length;
    }
  }
  return templates;
}

function flowHeaders(spec: PktgenSpec, flow: number, addresses: PktgenAddresses): FrameSpec {
  const source = flowAddress(flow, spec.seed, spec.ipv6);
  const port = flowPort(flow, spec.seed);
  return {
    ...addresses,
    vlans: spec.vlan === null ? [] : [{ id: spec.vlan }],
    network: spec.ipv6
      ? { version: 6, source, destination: PKTGEN_DESTINATION.ipv6 }
      : { version: 4, source, destination: PKTGEN_DESTINATION.ipv4 },
    transport:
      spec.proto === 'icmp'
        ? { protocol: 'icmp', identifier: port }
        : { protocol: spec.proto, sourcePort: spec.sport ?? port, destinationPort: spec.dport },
  };
}

/**
 * The order of sending. Flows take turns. With imix, frames follow the pattern of twelve, and it slips by one whenever
 * flows and pattern would meet in the same way again: so any twelve frames between two slips are 7:4:1, and over the whole
 * order each flow is 7:4:1 too. (Without the slip, 12 flows would have one size each for ever.)
 */
export function pktgenSequence(spec: PktgenSpec): PktgenSequence {
  const { flows, imix } = spec;
  if (!imix) return { order: Uint32Array.from({ length: flows }, (_, flow) => flow) };
  const pattern = IMIX_PATTERN.length;
  const meeting = (flows * pattern) / greatestCommonDivisor(flows, pattern);
  const order = new Uint32Array(flows * pattern);
  for (let at = 0; at < order.length; at++) {
    const slips = Math.floor(at / meeting);
    order[at] = (at % flows) * IMIX_SIZES.length + IMIX_PATTERN[(at + slips) % pattern]!;
  }
  return { order };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
