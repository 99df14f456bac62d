/**
 * Reads classic pcap files (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and a frame each.
 *
 * The magic number has already told the byte order and the unit of the fraction (micro- or nanoseconds). There is one
 * interface. The last word of the header holds the link type and, if a flag says so, the length of the frame check
 * sequence at the end of every frame.
 *
 * A header that is cut, of an unknown version or not Ethernet throws; a fault in a record ends the reading and becomes
 * `problem`. Records carry no mark, so there is nothing to find the next one by after a fault.
 */
import { CaptureError, untilFault } from './capture-error.ts';
import { frameWindow } from './frame-window.ts';
import { describeLinkType, LINKTYPE_ETHERNET, linkTypeHint } from './link-types.ts';
import type { CapturedFrame, DecodedCapture } from './types.ts';

export interface PcapVariant {
  readonly littleEndian: boolean;
  readonly nanoseconds: boolean;
}

/** Offsets in the file header and in a record. */
const FILE = { major: 4, minor: 6, snaplen: 16, network: 20, sizeof: 24 } as const;
const RECORD = { seconds: 0, fraction: 4, captured: 8, original: 12, sizeof: 16 } as const;

/** The network word: 16 bits of link type, and the top 4 bits count 16-bit words of check sequence if `FCS_GIVEN`. */
const LINKTYPE_MASK = 0xffff;
const FCS_GIVEN = 0x04000000;
const FCS_WORDS_SHIFT = 28;

/** What libpcap takes as the most that a frame can hold (MAXIMUM_SNAPLEN). More is a damaged length, not a long frame. */
const MAX_CAPTURED = 262_144;

const NS_PER_SECOND = 1_000_000_000n;

/** Reads the pcap file in `bytes`, whose magic number said `variant`. */
export function decodePcap(bytes: Uint8Array, variant: PcapVariant): DecodedCapture {
  const { littleEndian } = variant;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE.sizeof) {
    throw new CaptureError('TRUNCATED', bytes.length, `the file ends inside its header of ${FILE.sizeof} bytes`);
  }
  const major = view.getUint16(FILE.major, littleEndian);
  if (major !== 2) {
    const version = `${major}.${view.getUint16(FILE.minor, littleEndian)}`;
    throw new CaptureError('CORRUPT', FILE.major, `pcap version ${version} is not known, only 2.x is`);
  }
  const network = view.getUint32(FILE.network, littleEndian);
  const linkType = network & LINKTYPE_MASK;
  if (linkType !== LINKTYPE_ETHERNET) {
    const what = `the frames are of ${describeLinkType(linkType)}, only Ethernet can be read`;
    throw new CaptureError('LINKTYPE', FILE.network, what + linkTypeHint(linkType));
  }
  const fcsLength = (network & FCS_GIVEN) !== 0 ? (network >>> FCS_WORDS_SHIFT) * 2 : 0;

  const frames: CapturedFrame[] = [];
  const interfaces = [{ name: '', description: '', linkType, snaplen: view.getUint32(FILE.snaplen, littleEndian) }];
  const problem = untilFault(() => readRecords(bytes, view, variant, fcsLength, frames));
  return problem === undefined
    ? { format: 'pcap', frames, interfaces }
    : { format: 'pcap', frames, interfaces, problem };
}

function readRecords(
  bytes: Uint8Array,
  view: DataView,
  { littleEndian, nanoseconds }: PcapVariant,
  fcsLength: number,
  frames: CapturedFrame[],
): void {
  const nsPerUnit = nanoseconds ? 1 : 1000;
  const end = bytes.length;
  let at: number = FILE.sizeof;
  while (at < end) {
    const left = end - at;
    if (left < RECORD.sizeof) {
      throw new CaptureError('TRUNCATED', at, `the file ends inside a record header: ${left} of 16 bytes are there`);
    }
    const captured = view.getUint32(at + RECORD.captured, littleEndian);
    if (captured > MAX_CAPTURED) {
      const what = `the record says that ${captured} bytes were captured, more than any frame has (${MAX_CAPTURED})`;
      throw new CaptureError('CORRUPT', at + RECORD.captured, what);
    }
    const data = at + RECORD.sizeof;
    if (captured > end - data) {
      const what = `the file ends inside a frame: ${end - data} of ${captured} bytes are there`;
      throw new CaptureError('TRUNCATED', at, what);
    }
    const original = view.getUint32(at + RECORD.original, littleEndian);
    // a fraction of a second or more is written by some tools; it carries over, as in libpcap
    const seconds = BigInt(view.getUint32(at + RECORD.seconds, littleEndian));
    const fraction = BigInt(view.getUint32(at + RECORD.fraction, littleEndian) * nsPerUnit);
    frames.push(frameWindow(bytes, data, captured, original, fcsLength, seconds * NS_PER_SECOND + fraction, 0));
    at = data + captured;
  }
}
