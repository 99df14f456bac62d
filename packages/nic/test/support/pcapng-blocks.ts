/** Writes single pcapng blocks for tests, in either byte order, so that a test can say exactly what a file holds. */
type Option = readonly [code: number, value: Uint8Array];

export interface Blocks {
  section(major?: number): Uint8Array;
  interface(linkType?: number, snaplen?: number, options?: readonly Option[]): Uint8Array;
  enhanced(interfaceId: number, ticks: bigint, data: Uint8Array, more?: PacketOptions): Uint8Array;
  /** The obsolete packet block. */
  packet(interfaceId: number, ticks: bigint, data: Uint8Array, more?: PacketOptions): Uint8Array;
  simple(original: number, data: Uint8Array): Uint8Array;
  block(type: number, body: Uint8Array): Uint8Array;
  u32(value: number): Uint8Array;
  i64(value: bigint): Uint8Array;
}

interface PacketOptions {
  readonly original?: number;
  readonly options?: readonly Option[];
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function blocksIn(littleEndian: boolean): Blocks {
  function made(size: number, fill: (view: DataView) => void): Uint8Array {
    const bytes = new Uint8Array(size);
    fill(new DataView(bytes.buffer));
    return bytes;
  }
  const u16 = (value: number) => made(2, (view) => view.setUint16(0, value, littleEndian));
  const u32 = (value: number) => made(4, (view) => view.setUint32(0, value, littleEndian));
  const i64 = (value: bigint) => made(8, (view) => view.setBigInt64(0, value, littleEndian));
  const pad = (bytes: Uint8Array) => concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));

  function optionList(options: readonly Option[] = []): Uint8Array {
    if (options.length === 0) return new Uint8Array(0);
    const written = options.flatMap(([code, value]) => [u16(code), u16(value.length), pad(value)]);
    return concat(...written, new Uint8Array(4));
  }
  function block(type: number, body: Uint8Array): Uint8Array {
    const padded = pad(body);
    return concat(u32(type), u32(padded.length + 12), padded, u32(padded.length + 12));
  }
  function packetBody(firstWord: Uint8Array, ticks: bigint, data: Uint8Array, more: PacketOptions = {}): Uint8Array {
    const time = [u32(Number(ticks >> 32n)), u32(Number(ticks & 0xffff_ffffn))];
    const lengths = [u32(data.length), u32(more.original ?? data.length)];
    return concat(firstWord, ...time, ...lengths, pad(data), optionList(more.options));
  }
  return {
    section: (major = 1) => block(0x0a0d0d0a, concat(u32(0x1a2b3c4d), u16(major), u16(0), i64(-1n))),
    interface: (linkType = 1, snaplen = 0, options = []) =>
      block(1, concat(u16(linkType), u16(0), u32(snaplen), optionList(options))),
    enhanced: (interfaceId, ticks, data, more) => block(6, packetBody(u32(interfaceId), ticks, data, more)),
    packet: (interfaceId, ticks, data, more) =>
      block(2, packetBody(concat(u16(interfaceId), u16(7)), ticks, data, more)),
    simple: (original, data) => block(3, concat(u32(original), data)),
    block,
    u32,
    i64,
  };
}

/** `length` bytes that differ from each other and from other `first`s. */
export function bytesFrom(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);
}
