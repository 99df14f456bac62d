/**
 * Reads a capture file that is in memory: pcap or pcapng, whichever it is.
 *
 *   bytes ──first four──► pcap.ts | pcapng.ts ──► frames (windows on the bytes), interfaces, problem?
 *
 * Throws a CaptureError, and nothing else, if nothing can be returned: no bytes, no known magic, a file header that is
 * cut or wrong, or no Ethernet interface at all. After that it never throws: a fault ends the reading, the frames before
 * it are returned, and `problem` says at which byte and what. Frames of other link types between Ethernet ones are left
 * out, and `problem` says how many.
 *
 * The file may be hostile. Time and memory are linear in the bytes given: a length is compared with what is left before
 * it is believed, every turn of a reader's loop moves on by at least twelve bytes, and no byte of a frame is copied.
 */
import { CaptureError } from './capture-error.ts';
import { decodePcap } from './pcap.ts';
import { decodePcapng } from './pcapng.ts';
import type { DecodedCapture } from './types.ts';

/** First four bytes, read as a big-endian number. */
const PCAPNG = 0x0a0d0d0a;
const PCAP_BIG = 0xa1b2c3d4;
const PCAP_LITTLE = 0xd4c3b2a1;
const PCAP_NS_BIG = 0xa1b23c4d;
const PCAP_NS_LITTLE = 0x4d3cb2a1;

/** Files that people give instead, and what to do with them. */
function strangerHint(magic: number): string {
  if (magic === 0xa1b2cd34 || magic === 0x34cdb2a1) {
    return '; it is the "modified" pcap of old Linux patches: rewrite it with editcap';
  }
  if (magic >>> 16 === 0x1f8b) return '; it is compressed with gzip: decompress it first';
  if (magic === 0x28b52ffd) return '; it is compressed with zstd: decompress it first';
  if (magic === 0x04224d18) return '; it is compressed with lz4: decompress it first';
  if (magic === 0x736e6f6f) return '; it is a snoop file: rewrite it with editcap';
  return '';
}

/** Reads the capture in `bytes`; see the top of this file for what is thrown and what is returned. */
export function decodeCapture(bytes: Uint8Array): DecodedCapture {
  if (bytes.length === 0) throw new CaptureError('EMPTY', 0, 'the file is empty');
  if (bytes.length < 4) {
    throw new CaptureError('MAGIC', 0, `not a pcap or pcapng file: ${bytes.length} bytes are too few`);
  }
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  switch (magic) {
    case PCAPNG:
      return decodePcapng(bytes);
    case PCAP_BIG:
      return decodePcap(bytes, { littleEndian: false, nanoseconds: false });
    case PCAP_LITTLE:
      return decodePcap(bytes, { littleEndian: true, nanoseconds: false });
    case PCAP_NS_BIG:
      return decodePcap(bytes, { littleEndian: false, nanoseconds: true });
    case PCAP_NS_LITTLE:
      return decodePcap(bytes, { littleEndian: true, nanoseconds: true });
    default: {
      const seen = `it begins with 0x${magic.toString(16).padStart(8, '0')}`;
      throw new CaptureError('MAGIC', 0, `not a pcap or pcapng file: ${seen}${strangerHint(magic)}`);
    }
  }
}
