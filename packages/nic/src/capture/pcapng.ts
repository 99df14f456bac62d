/**
 * Reads pcapng files (draft-ietf-opsawg-pcapng): sections, each with its own byte order and its own interfaces.
 *
 * A file is   (section header  (interface | packet | other)*  )+
 *
 * Read: section headers, interface descriptions, enhanced, simple and obsolete packet blocks. Everything else (names,
 * statistics, secrets, custom blocks) is stepped over by its length, which stands at both ends of every block and must
 * agree. A packet may only name an interface that its section has described before it.
 *
 * Throws if the first section header cannot be read, or if the file describes interfaces and none is Ethernet. A later
 * fault ends the reading and becomes `problem`. Frames of other link types among Ethernet ones are counted and left out;
 * if nothing else is wrong they are the problem, else the message of the fault that ended the reading mentions them.
 */
import { CaptureError, problemOf, untilFault } from './capture-error.ts';
import { frameWindow } from './frame-window.ts';
import { describeLinkType, LINKTYPE_ETHERNET, linkTypeHint } from './link-types.ts';
import { BLOCK, BLOCK_OVERHEAD, BYTE_ORDER_MAGIC, EPB, IDB, padded, SHB, SPB } from './pcapng-format.ts';
import type { PcapngInterface } from './pcapng-interface.ts';
import { readFcsLength, readInterface, readTimestamp } from './pcapng-interface.ts';
import type { CapturedFrame, CaptureProblem, DecodedCapture } from './types.ts';

interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Of the section being read, like `section`. */
  littleEndian: boolean;
  section: PcapngInterface[];
  /** Of the whole file. */
  readonly interfaces: PcapngInterface[];
  readonly frames: CapturedFrame[];
  skipped: number;
  /** The first skipped packet block. */
  skippedFirst: { readonly offset: number; readonly linkType: number } | undefined;
}

/** Reads the pcapng file in `bytes`, which begins with the type of a section header. */
export function decodePcapng(bytes: Uint8Array): DecodedCapture {
  const reader: Reader = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    littleEndian: true,
    section: [],
    interfaces: [],
    frames: [],
    skipped: 0,
    skippedFirst: undefined,
  };
  const first = readBlock(reader, 0);
  const fault = untilFault(() => {
    for (let at = first; at < bytes.length; ) at = readBlock(reader, at);
  });
  refuseIfNoEthernet(reader.interfaces);
  const { frames } = reader;
  const interfaces = reader.interfaces.map((one) => one.described);
  const problem = withSkipped(reader, fault);
  if (problem === undefined) return { format: 'pcapng', frames, interfaces };
  return { format: 'pcapng', frames, interfaces, problem };
}

function refuseIfNoEthernet(interfaces: readonly PcapngInterface[]): void {
  const first = interfaces[0];
  if (first === undefined || interfaces.some((one) => one.described.linkType === LINKTYPE_ETHERNET)) return;
  const types = [...new Set(interfaces.map((one) => one.described.linkType))];
  const listed = types.slice(0, 4).map(describeLinkType).join(', ') + (types.length > 4 ? ', …' : '');
  const hint = linkTypeHint(first.described.linkType);
  const what = `the frames are of ${listed}, only Ethernet can be read${hint}`;
  throw new CaptureError('LINKTYPE', first.offset + IDB.linkType, what);
}

function withSkipped(reader: Reader, fault: CaptureProblem | undefined): CaptureProblem | undefined {
  if (reader.skippedFirst === undefined) return fault;
  const { offset, linkType } = reader.skippedFirst;
  const many = reader.skipped === 1 ? 'a frame was' : `${reader.skipped} frames were`;
  const what = `${many} left out, of ${describeLinkType(linkType)}`;
  if (fault !== undefined)
    return { ...fault, message: `${fault.message} (before that, ${what} from byte ${offset} on)` };
  const reason = `only Ethernet can be read${linkTypeHint(linkType)}`;
  return problemOf(new CaptureError('LINKTYPE', offset, `${what}: ${reason}`));
}

/** Reads the block at `at`; returns where the next one begins. */
function readBlock(reader: Reader, at: number): number {
  const { bytes, view } = reader;
  const left = bytes.length - at;
  if (left < BLOCK_OVERHEAD) {
    throw new CaptureError('TRUNCATED', at, `the file ends inside a block header: ${left} bytes are left`);
  }
  // a section header says its byte order behind its length, so that comes first
  const newSection = view.getUint32(at) === BLOCK.sectionHeader;
  if (newSection) reader.littleEndian = readByteOrder(view, at + SHB.byteOrder);
  const { littleEndian } = reader;
  const type = view.getUint32(at, littleEndian);
  const length = view.getUint32(at + 4, littleEndian);
  if (length < BLOCK_OVERHEAD || length % 4 !== 0) {
    throw new CaptureError('CORRUPT', at + 4, `a block says that it has ${length} bytes, which no block can have`);
  }
  if (length > left) {
    throw new CaptureError('TRUNCATED', at, `the file ends inside a block: ${left} of ${length} bytes are there`);
  }
  const end = at + length - 4; // where the length stands again
  const again = view.getUint32(end, littleEndian);
  if (again !== length) {
    throw new CaptureError('CORRUPT', end, `a block begins with the length ${length} and ends with ${again}`);
  }
  switch (type) {
    case BLOCK.sectionHeader:
      readSection(reader, at, end);
      break;
    case BLOCK.interfaceDescription: {
      expectRoom(at, end, IDB.options, 'an interface description');
      const one = readInterface(bytes, view, at, end, littleEndian, reader.interfaces.length);
      reader.section.push(one);
      reader.interfaces.push(one);
      break;
    }
    case BLOCK.enhancedPacket:
      expectRoom(at, end, EPB.data, 'an enhanced packet block');
      readPacket(reader, at, end, view.getUint32(at + EPB.interfaceId, littleEndian));
      break;
    case BLOCK.packet:
      expectRoom(at, end, EPB.data, 'a packet block');
      readPacket(reader, at, end, view.getUint16(at + EPB.interfaceId, littleEndian));
      break;
    case BLOCK.simplePacket:
      expectRoom(at, end, SPB.data, 'a simple packet block');
      readSimplePacket(reader, at, end);
      break;
  }
  return at + length;
}

function readByteOrder(view: DataView, at: number): boolean {
  if (view.getUint32(at) === BYTE_ORDER_MAGIC) return false;
  if (view.getUint32(at, true) === BYTE_ORDER_MAGIC) return true;
  throw new CaptureError('CORRUPT', at, 'a section header has no byte-order magic (0x1a2b3c4d)');
}

function expectRoom(at: number, end: number, fields: number, name: string): void {
  if (end - at >= fields) return;
  throw new CaptureError('CORRUPT', at + 4, `${name} has ${end + 4 - at} bytes, too few for its fields`);
}

function readSection(reader: Reader, at: number, end: number): void {
  expectRoom(at, end, SHB.options, 'a section header');
  const { view, littleEndian } = reader;
  const major = view.getUint16(at + SHB.major, littleEndian);
  if (major !== 1) {
    const version = `${major}.${view.getUint16(at + SHB.minor, littleEndian)}`;
    throw new CaptureError('CORRUPT', at + SHB.major, `pcapng version ${version} is not known, only 1.x is`);
  }
  // The section's own length is for skipping it; every block is walked here, so it is not needed.
  reader.section = [];
}

/** An enhanced or an obsolete packet block. */
function readPacket(reader: Reader, at: number, end: number, interfaceId: number): void {
  const { bytes, view, littleEndian } = reader;
  const from = interfaceOf(reader, at, interfaceId);
  const captured = view.getUint32(at + EPB.captured, littleEndian);
  const data = at + EPB.data;
  if (captured > end - data) throw tooLong(at + EPB.captured, captured, end - data);
  if (isSkipped(reader, at, from)) return;
  const original = view.getUint32(at + EPB.original, littleEndian);
  const fcsLength = readFcsLength(view, data + padded(captured), end, littleEndian, from);
  const timestampNs = readTimestamp(view, at, littleEndian, from);
  reader.frames.push(frameWindow(bytes, data, captured, original, fcsLength, timestampNs, from.id));
}

/** No interface, no time, no captured length: it is from interface 0, and cut by that interface's snaplen if at all. */
function readSimplePacket(reader: Reader, at: number, end: number): void {
  const { bytes, view, littleEndian } = reader;
  const from = interfaceOf(reader, at, 0);
  const original = view.getUint32(at + SPB.original, littleEndian);
  const { snaplen } = from.described;
  const captured = snaplen === 0 ? original : Math.min(original, snaplen);
  const data = at + SPB.data;
  if (captured > end - data) throw tooLong(at + SPB.original, captured, end - data);
  if (isSkipped(reader, at, from)) return;
  reader.frames.push(frameWindow(bytes, data, captured, original, from.fcsLength, 0n, from.id));
}

function interfaceOf(reader: Reader, at: number, interfaceId: number): PcapngInterface {
  const from = reader.section[interfaceId];
  if (from !== undefined) return from;
  const described = reader.section.length;
  const what = `a frame is of interface ${interfaceId}, but its section has described ${described} before it`;
  throw new CaptureError('CORRUPT', at, what);
}

function isSkipped(reader: Reader, offset: number, from: PcapngInterface): boolean {
  const { linkType } = from.described;
  if (linkType === LINKTYPE_ETHERNET) return false;
  reader.skipped++;
  reader.skippedFirst ??= { offset, linkType };
  return true;
}

function tooLong(offset: number, captured: number, room: number): CaptureError {
  return new CaptureError(
    'CORRUPT',
    offset,
    `a frame says that ${captured} bytes were captured, its block has ${room}`,
  );
}
