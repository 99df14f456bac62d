/**
 * Writes a pcapng file as frames come: one section, little-endian, Ethernet interfaces that count nanoseconds.
 *
 *   new PcapngWriter(sink, { application })    the section header
 *   addInterface(…) → id                       any time, also between frames
 *   frame(id, timestampNs, data, …)            one enhanced packet block
 *   statistics(id, timestampNs, …)             one interface statistics block: how many frames there are not
 *   flush()                                    whatever has not gone to the sink yet
 *
 * Blocks are collected and handed to `sink.write` in chunks of at least 64 KiB, so that a frame does not cost a system
 * call; only `flush` hands over less. A chunk ends with a whole block: a file made of the chunks so far can be read. The
 * chunk belongs to the sink from then on; the writer never touches it again. `data` is copied before `frame` returns.
 *
 * There is nothing to close: flush, then close the sink's file. If the sink throws, its chunk is lost and the error
 * passes through; the writer can go on.
 */
import { LINKTYPE_ETHERNET } from './link-types.ts';
import {
  BLOCK,
  BYTE_ORDER_MAGIC,
  EPB,
  EPB_INBOUND,
  IDB,
  ISB,
  OPTION,
  padded,
  SHB,
  VERDICT_LINUX_EBPF_XDP,
} from './pcapng-format.ts';

export interface PcapngSink {
  write(chunk: Uint8Array): void;
}

export interface PcapngWriterOptions {
  /** Name and version of the program that writes, for the reader of the file. */
  readonly application: string;
}

export interface PcapngInterfaceOptions {
  readonly name: string;
  readonly description?: string;
  /**
   * Longer frames are cut to this. 0, the default, means never. Better the same for all interfaces of a file: tcpdump
   * refuses one where they differ (tshark does not).
   */
  readonly snaplen?: number;
}

export interface PcapngFrameOptions {
  /** Length of the frame on the wire without check sequence, if `data` is only its beginning. */
  readonly originalLength?: number;
  readonly comment?: string;
  /** The receive queue that the frame came through. */
  readonly queue?: number;
  /** Whether the frame was received; without, nothing is said. */
  readonly inbound?: boolean;
  /** Frames that were lost between the interface's one before and this one. */
  readonly dropCount?: number;
  /** What an XDP program said of it. */
  readonly xdpVerdict?: number;
}

export interface PcapngStatistics {
  /** Frames that the interface has in the file. */
  readonly delivered: number;
  /** And those that it should have as well. */
  readonly dropped: number;
  readonly comment?: string;
}

const CHUNK = 64 * 1024;
/** A chunk is full at 64 KiB, and what crosses that line mostly still fits. */
const CAPACITY = CHUNK + 16 * 1024;
const NANOSECONDS = 9; // if_tsresol: 10 to the minus 9
/** Whose verdict, and 64 bits. */
const VERDICT_BYTES = 9;
const MAX_OPTION = 65_532; // the most that a 16-bit length gives without padding
const MAX_TIMESTAMP = (1n << 64n) - 1n;
const MAX_U32 = 0xffff_ffff;

const utf8 = new TextEncoder();
const NO_TEXT = new Uint8Array(0);

/** UTF-8, cut between characters if an option cannot hold it. */
function optionText(text: string): Uint8Array {
  const encoded = utf8.encode(text);
  if (encoded.length <= MAX_OPTION) return encoded;
  let end = MAX_OPTION;
  while ((encoded[end]! & 0xc0) === 0x80) end--;
  return encoded.subarray(0, end);
}

function optionSize(valueLength: number): number {
  return valueLength === 0 ? 0 : 4 + padded(valueLength);
}

function checkU32(value: number, name: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_U32) return;
  throw new RangeError(`${name} must be an integer from 0 to ${MAX_U32}, not ${value}`);
}

export class PcapngWriter {
  readonly #sink: PcapngSink;
  readonly #snaplens: number[] = [];
  #bytes = new Uint8Array(CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(sink: PcapngSink, options: PcapngWriterOptions) {
    this.#sink = sink;
    const application = optionText(options.application);
    const optionBytes = optionSize(application.length);
    const start = this.#begin(BLOCK.sectionHeader, SHB.options + optionBytes + (optionBytes === 0 ? 4 : 8));
    const view = this.#view;
    view.setUint32(start + SHB.byteOrder, BYTE_ORDER_MAGIC, true);
    view.setUint16(start + SHB.major, 1, true);
    view.setUint16(start + SHB.minor, 0, true);
    view.setBigInt64(start + SHB.sectionLength, -1n, true); // not known while it is being written
    this.#at = start + SHB.options;
    this.#option(OPTION.shbUserApplication, application);
    this.#end(start, optionBytes !== 0);
  }

  /** Describes one more interface; its id is what `frame` takes. */
  addInterface({ name, description = '', snaplen = 0 }: PcapngInterfaceOptions): number {
    checkU32(snaplen, 'snaplen');
    const nameText = optionText(name);
    const descriptionText = optionText(description);
    const optionBytes = optionSize(nameText.length) + optionSize(descriptionText.length) + 2 * optionSize(1);
    const start = this.#begin(BLOCK.interfaceDescription, IDB.options + optionBytes + 8);
    this.#view.setUint16(start + IDB.linkType, LINKTYPE_ETHERNET, true);
    this.#view.setUint32(start + IDB.snaplen, snaplen, true);
    this.#at = start + IDB.options;
    this.#option(OPTION.ifName, nameText);
    this.#option(OPTION.ifDescription, descriptionText);
    this.#option(OPTION.ifTsResolution, Uint8Array.of(NANOSECONDS));
    // said although it is 0: readers otherwise guess whether the last four bytes are a check sequence
    this.#option(OPTION.ifFcsLength, Uint8Array.of(0));
    this.#end(start, true);
    return this.#snaplens.push(snaplen) - 1;
  }

  /** Writes one frame, from its destination address on and without check sequence, received at `timestampNs`. */
  frame(interfaceId: number, timestampNs: bigint, data: Uint8Array, options?: PcapngFrameOptions): void {
    const snaplen = this.#snaplens[interfaceId];
    if (snaplen === undefined) throw new RangeError(`interface ${interfaceId} was not added`);
    if (timestampNs < 0n || timestampNs > MAX_TIMESTAMP) {
      throw new RangeError(`timestampNs must be from 0 to 2^64 - 1, not ${timestampNs}`);
    }
    const original = options?.originalLength ?? data.length;
    if (original < data.length) {
      throw new RangeError(`originalLength is ${original}, less than the ${data.length} bytes of the frame`);
    }
    checkU32(original, 'originalLength');
    const queue = options?.queue;
    if (queue !== undefined) checkU32(queue, 'queue');
    const comment = options?.comment === undefined ? NO_TEXT : optionText(options.comment);

    const captured = snaplen === 0 ? data.length : Math.min(data.length, snaplen);
    const dropCount = options?.dropCount ?? 0;
    const verdict = options?.xdpVerdict;
    const optionBytes =
      optionSize(comment.length) +
      (options?.inbound === true ? 8 : 0) +
      (dropCount === 0 ? 0 : optionSize(8)) +
      (queue === undefined ? 0 : 8) +
      (verdict === undefined ? 0 : optionSize(VERDICT_BYTES));
    const body = EPB.data + padded(captured);
    const start = this.#begin(BLOCK.enhancedPacket, body + optionBytes + (optionBytes === 0 ? 4 : 8));
    const view = this.#view;
    view.setUint32(start + EPB.interfaceId, interfaceId, true);
    view.setUint32(start + EPB.ticksHigh, Number(timestampNs >> 32n), true);
    view.setUint32(start + EPB.ticksLow, Number(timestampNs & 0xffff_ffffn), true);
    view.setUint32(start + EPB.captured, captured, true);
    view.setUint32(start + EPB.original, original, true);
    this.#bytes.set(captured === data.length ? data : data.subarray(0, captured), start + EPB.data);
    this.#at = start + body;
    this.#option(OPTION.comment, comment);
    if (options?.inbound === true) this.#word(OPTION.epbFlags, EPB_INBOUND);
    if (dropCount !== 0) this.#long(OPTION.epbDropCount, dropCount);
    if (queue !== undefined) this.#word(OPTION.epbQueue, queue);
    if (verdict !== undefined) {
      view.setUint16(this.#at, OPTION.epbVerdict, true);
      view.setUint16(this.#at + 2, VERDICT_BYTES, true);
      view.setUint8(this.#at + 4, VERDICT_LINUX_EBPF_XDP);
      view.setUint32(this.#at + 5, verdict, true);
      this.#at += optionSize(VERDICT_BYTES);
    }
    this.#end(start, optionBytes !== 0);
  }

  /** Says of an interface, as of `timestampNs`, how many of its frames the file has and how many were lost. */
  statistics(interfaceId: number, timestampNs: bigint, { delivered, dropped, comment }: PcapngStatistics): void {
    const text = comment === undefined ? NO_TEXT : optionText(comment);
    const optionBytes = optionSize(text.length) + 2 * optionSize(8);
    const start = this.#begin(BLOCK.interfaceStatistics, ISB.options + optionBytes + 8);
    const view = this.#view;
    view.setUint32(start + ISB.interfaceId, interfaceId, true);
    view.setUint32(start + ISB.ticksHigh, Number(timestampNs >> 32n), true);
    view.setUint32(start + ISB.ticksLow, Number(timestampNs & 0xffff_ffffn), true);
    this.#at = start + ISB.options;
    this.#option(OPTION.comment, text);
    this.#long(OPTION.isbOsDrop, dropped);
    this.#long(OPTION.isbUserDelivered, delivered);
    this.#end(start, true);
  }

  /** Bytes written since the last flush. */
  get pending(): number {
    return this.#at;
  }

  /** Hands over everything written so far. */
  flush(): void {
    if (this.#at === 0) return;
    const chunk = this.#bytes.subarray(0, this.#at);
    this.#replaceBuffer(CAPACITY);
    this.#at = 0;
    this.#sink.write(chunk);
  }

  /** Makes room for a block of `size` bytes, writes its type and first length, and says where it begins. */
  #begin(type: number, size: number): number {
    const start = this.#at;
    if (size > this.#bytes.length - start) {
      const written = this.#bytes.subarray(0, start);
      this.#replaceBuffer(start + size);
      this.#bytes.set(written);
    }
    this.#view.setUint32(start, type, true);
    this.#view.setUint32(start + 4, size, true);
    return start;
  }

  /** Ends the block: the end mark of its options if it has any, its length again; the bytes between are zero already. */
  #end(start: number, hasOptions: boolean): void {
    const end = this.#at + (hasOptions ? 4 : 0);
    this.#view.setUint32(end, end + 4 - start, true);
    this.#at = end + 4;
    if (this.#at >= CHUNK) this.flush();
  }

  #option(code: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#view.setUint16(this.#at, code, true);
    this.#view.setUint16(this.#at + 2, value.length, true);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + padded(value.length);
  }

  #word(code: number, value: number): void {
    this.#view.setUint16(this.#at, code, true);
    this.#view.setUint16(this.#at + 2, 4, true);
    this.#view.setUint32(this.#at + 4, value, true);
    this.#at += 8;
  }

  /** A count of 64 bits. */
  #long(code: number, value: number): void {
    this.#view.setUint16(this.#at, code, true);
    this.#view.setUint16(this.#at + 2, 8, true);
    this.#view.setUint32(this.#at + 4, value >>> 0, true);
    this.#view.setUint32(this.#at + 8, Math.floor(value / 2 ** 32), true);
    this.#at += 12;
  }

  #replaceBuffer(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
