/**
 * What a capture file becomes when it is read: frames, the interfaces they came from, and what was wrong with the file.
 *
 * A frame's `data` is a window on the bytes that were given to the reader, not a copy: reading a file of n bytes costs
 * n bytes plus one small object for each frame, whatever lengths the file claims. Whoever changes the bytes changes the
 * frames.
 */

/**
 * EMPTY      the file has no bytes
 * MAGIC      it does not begin like a pcap or pcapng file
 * TRUNCATED  it ends inside a header, a record or a block
 * CORRUPT    it contradicts itself, or says something that no capture can hold
 * LINKTYPE   frames that are not Ethernet
 */
export type CaptureErrorCode = 'EMPTY' | 'MAGIC' | 'TRUNCATED' | 'CORRUPT' | 'LINKTYPE';

export interface CapturedFrame {
  /** From the destination address on, without the frame check sequence. Shorter than the frame was if it was cut. */
  readonly data: Uint8Array;
  /** Length on the wire without the frame check sequence; never less than `data.length`. */
  readonly originalLength: number;
  /** Nanoseconds since 1970; 0n where the file does not say (a pcapng Simple Packet Block). */
  readonly timestampNs: bigint;
  /** Index in `DecodedCapture.interfaces`. A pcap file has one interface, 0. */
  readonly interfaceId: number;
}

/** An interface of the file. pcapng numbers them anew in each section; here they are numbered through the file. */
export interface CaptureInterface {
  /** '' where the file does not say. */
  readonly name: string;
  readonly description: string;
  /** As tcpdump.org numbers them: 1 is Ethernet. Frames of other link types are not returned. */
  readonly linkType: number;
  /** Most bytes of a frame that were kept; 0 means no limit. */
  readonly snaplen: number;
}

/** Why the frames are not all that the file holds or held. */
export interface CaptureProblem {
  readonly code: CaptureErrorCode;
  /** The byte of the file where it is wrong. */
  readonly offset: number;
  /** One sentence for a person; it names the byte. */
  readonly message: string;
}

export interface DecodedCapture {
  readonly format: 'pcap' | 'pcapng';
  /** In the order of the file, which need not be the order of time. */
  readonly frames: CapturedFrame[];
  readonly interfaces: CaptureInterface[];
  /** Absent if the whole file was read and every frame in it was returned. */
  readonly problem?: CaptureProblem;
}
