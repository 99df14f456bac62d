/**
 * Frames of numbered flows: each ends in a label, its flow and its number in the flow, which `watch-flows.ts` reads where the
 * frame arrives. A label's complement stands in front of it, so that all numbers of a flow have the same checksums.
 */
import { buildFrame } from '@cpumap/nic';
import { LABEL_BYTES } from './watch-flows.ts';

export type Random = (below: number) => number;

/** Filling, complement, label. */
const PAYLOAD = 24;
const COMPLEMENT = 4;

function writeNumber(frame: Uint8Array, number: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const at = frame.length - LABEL_BYTES;
  view.setUint32(at - COMPLEMENT, ~number);
  view.setUint32(at + 4, number);
}

/** Frame 0 of a flow of UDP over IPv4, with a port and a destination that are drawn. */
export function plainFrame(flow: number, random: Random): Uint8Array {
  const payload = new Uint8Array(PAYLOAD);
  new DataView(payload.buffer).setUint32(PAYLOAD - LABEL_BYTES, flow);
  writeNumber(payload, 0);
  return buildFrame({
    network: { version: 4, source: `100.64.${flow >> 8}.${flow & 0xff}`, destination: `203.0.113.${1 + random(254)}` },
    transport: { protocol: 'udp', sourcePort: 1024 + random(60_000), destinationPort: 443 },
    payload,
  });
}

/** All frames of each flow, numbers 0 to `cycle - 1`: number n of flow f is element `f * cycle + n`. */
export function labelledFrames(flows: number, cycle: number, firstOf: (flow: number) => Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let flow = 0; flow < flows; flow++) {
    const first = firstOf(flow);
    for (let number = 0; number < cycle; number++) {
      const frame = first.slice();
      writeNumber(frame, number);
      frames.push(frame);
    }
  }
  return frames;
}
