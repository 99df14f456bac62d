/** Writes classic pcap files for tests: any byte order, either unit of time, and headers that may lie. */
export interface EncodedFrame {
  readonly data: Uint8Array;
  readonly timestampNs?: bigint;
  readonly originalLength?: number;
}

export interface EncodeOptions {
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
  readonly major?: number;
  readonly snaplen?: number;
  /** The whole last word of the header: link type and flags. */
  readonly network?: number;
}

export function encodeCapture(frames: readonly EncodedFrame[], options: EncodeOptions = {}): Uint8Array {
  const { littleEndian = true, nanoseconds = false, major = 2, snaplen = 262_144, network = 1 } = options;
  const size = frames.reduce((sum, frame) => sum + 16 + frame.data.length, 24);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  view.setUint16(4, major, littleEndian);
  view.setUint16(6, 4, littleEndian);
  view.setUint32(16, snaplen, littleEndian);
  view.setUint32(20, network, littleEndian);
  let at = 24;
  for (const { data, timestampNs = 0n, originalLength = data.length } of frames) {
    const fraction = Number(timestampNs % 1_000_000_000n);
    view.setUint32(at, Number(timestampNs / 1_000_000_000n), littleEndian);
    view.setUint32(at + 4, nanoseconds ? fraction : Math.floor(fraction / 1000), littleEndian);
    view.setUint32(at + 8, data.length, littleEndian);
    view.setUint32(at + 12, originalLength, littleEndian);
    bytes.set(data, at + 16);
    at += 16 + data.length;
  }
  return bytes;
}
