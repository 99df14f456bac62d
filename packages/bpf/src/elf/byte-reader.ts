/**
 * Little-endian numbers and strings out of one stretch of bytes, every access checked against its end.
 *
 * A reader knows the file and section that it reads, so that whatever goes wrong is reported with its place. Numbers of
 * 64 bits are returned as doubles; one that a double cannot hold is refused, for no size or offset in a file is that big.
 */
import { ObjectError, type ObjectErrorCode } from './object-error.ts';

export interface Place {
  readonly file?: string | undefined;
  readonly section?: string | undefined;
}

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly place: Place;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, place: Place = {}) {
    this.bytes = bytes;
    this.place = place;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  fail(code: ObjectErrorCode, offset: number, what: string, hint?: string): never {
    throw new ObjectError(code, what, { ...this.place, offset, hint });
  }

  /** @throws ObjectError truncated, unless `size` bytes lie at `offset` */
  need(offset: number, size: number, what: string): void {
    if (offset >= 0 && size >= 0 && offset + size <= this.bytes.length) return;
    this.fail('truncated', offset, `${what} of ${size} bytes does not fit into ${this.bytes.length}`);
  }

  u8(offset: number): number {
    this.need(offset, 1, 'u8');
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.need(offset, 2, 'u16');
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.need(offset, 4, 'u32');
    return this.#view.getUint32(offset, true);
  }

  i32(offset: number): number {
    this.need(offset, 4, 's32');
    return this.#view.getInt32(offset, true);
  }

  u64(offset: number): number {
    this.need(offset, 8, 'u64');
    const value = this.#view.getUint32(offset + 4, true) * 2 ** 32 + this.#view.getUint32(offset, true);
    if (!Number.isSafeInteger(value)) this.fail('absurd', offset, `a size or offset of ${value}`);
    return value;
  }

  i64(offset: number): number {
    this.need(offset, 8, 's64');
    const value = this.#view.getInt32(offset + 4, true) * 2 ** 32 + this.#view.getUint32(offset, true);
    if (!Number.isSafeInteger(value)) this.fail('absurd', offset, `an addend of ${value}`);
    return value;
  }

  /** A view (no copy) of `size` bytes at `offset`. */
  slice(offset: number, size: number, what: string): Uint8Array {
    this.need(offset, size, what);
    return this.bytes.subarray(offset, offset + size);
  }
}

/** No symbol, type or file name is longer; mangled C++ names come near it. */
const LONGEST_NAME = 4096;

const UTF8 = new TextDecoder();

/**
 * A string table: NUL-terminated strings found by their offset.
 *
 * Tables share tails (`bar` is the end of `foobar`), so a hostile table could be read out as far more text than it has
 * bytes. All strings read from one table together are bounded by a multiple of its size.
 */
export class StringTable {
  readonly #reader: ByteReader;
  readonly #known = new Map<number, string>();
  #budget: number;

  constructor(reader: ByteReader) {
    this.#reader = reader;
    this.#budget = 8 * reader.length + 4096;
  }

  /** @throws ObjectError truncated for an offset outside or a string without end, absurd for too much text */
  at(offset: number): string {
    const known = this.#known.get(offset);
    if (known !== undefined) return known;
    const reader = this.#reader;
    if (offset === 0 && reader.length === 0) return '';
    reader.need(offset, 1, 'a string');
    const end = reader.bytes.indexOf(0, offset);
    if (end < 0) reader.fail('truncated', offset, 'a string does not end inside its table');
    const size = end - offset;
    this.#budget -= size;
    if (size > LONGEST_NAME || this.#budget < 0) reader.fail('absurd', offset, `strings overlap or are too long`);
    const text = UTF8.decode(reader.bytes.subarray(offset, end));
    this.#known.set(offset, text);
    return text;
  }
}
