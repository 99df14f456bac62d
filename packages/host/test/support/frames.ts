/** Frames that can be told apart, and sources of them. */
import { buildFrame, type FrameSource } from '@cpumap/nic';

const NUMBER_AT = 42; // behind Ethernet, IPv4 and UDP
const SMALLEST = 60;

/** A UDP frame of one of many flows; its first payload bytes are its number. */
export function numberedFrame(number: number, flow = 0, length = SMALLEST): Uint8Array {
  const frame = buildFrame({
    network: { version: 4, source: `10.0.${flow >> 8}.${flow & 0xff}`, destination: '10.1.0.1' },
    transport: { protocol: 'udp', sourcePort: 1024 + flow, destinationPort: 9 },
    length,
  });
  new DataView(frame.buffer, frame.byteOffset).setUint32(NUMBER_AT, number);
  return frame;
}

export function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(NUMBER_AT);
}

/** All frames once, as fast as they are taken. */
export function sourceOf(frames: readonly Uint8Array[]): FrameSource {
  return { frames, order: Uint32Array.from(frames, (_, index) => index), count: frames.length };
}

/** `count` frames of one flow, numbered from 0: up to 64 of them are one poll. */
export function burst(count: number): FrameSource {
  return sourceOf(Array.from({ length: count }, (_, number) => numberedFrame(number)));
}
