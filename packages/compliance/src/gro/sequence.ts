/** What is asked about GRO: the frames that one batch of a kthread brings, and the packets that the stack then gets. */
import type { SubjectMap } from '../subject.ts';

export interface GroFrame {
  readonly bytes: Uint8Array;
  /** Four bytes of XDP metadata that the program leaves in front of the frame; 0 or none: no metadata. */
  readonly meta?: number;
}

/** A packet as it reaches the stack, with its VLAN tag in place. */
export interface GroPacket {
  readonly bytes: Uint8Array;
  readonly gsoSize: number;
  /** As struct virtio_net_hdr has it: 0 none, 1 TCPV4, 4 TCPV6, 5 UDP_L4. */
  readonly gsoType: number;
  /** 0 where the checksum is not left to be completed. */
  readonly csumStart: number;
  readonly csumOffset: number;
}

/** One run brings at most as many: what a live test run, and a NAPI poll, hand over at once. */
export const MOST_FRAMES = 64;
export const LONGEST_FRAME = 3000;
/** The frame that is sent; the program makes the others of it. */
export const DUMMY_BYTES = 64;

export const FRAME_VALUE = 8 + LONGEST_FRAME;
const LENGTH = 0;
const META = 4;
const BYTES = 8;

/** Needs the maps cpus (a CPUMAP), counter (an ARRAY of one word) and frames (an ARRAY of FRAME_VALUE). */
export const fanOut = `
    r6 = r1
    *(u32 *)(r10 - 4) = 0
    r1 = map(counter) ll
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto out
    r7 = *(u32 *)(r0 + 0)
    *(u32 *)(r10 - 4) = r7
    r7 += 1
    *(u32 *)(r0 + 0) = r7
    r1 = map(frames) ll
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto out
    r8 = r0
    r9 = *(u32 *)(r8 + ${LENGTH})
    if r9 < 14 goto out
    if r9 > ${LONGEST_FRAME} goto out
    r1 = r6
    r2 = r9
    r2 += ${-DUMMY_BYTES}
    call 65
    if r0 != 0 goto out
    r1 = r6
    r2 = 0
    r3 = r8
    r3 += ${BYTES}
    r4 = r9
    call 190
    if r0 != 0 goto out
    r7 = *(u32 *)(r8 + ${META})
    if r7 == 0 goto send
    r1 = r6
    r2 = -4
    call 54
    if r0 != 0 goto out
    r1 = *(u32 *)(r6 + 8)
    r2 = *(u32 *)(r6 + 0)
    r3 = r1
    r3 += 4
    if r3 > r2 goto out
    *(u32 *)(r1 + 0) = r7
  send:
    r1 = map(cpus) ll
    r2 = 1
    r3 = 0
    call 51
    exit
  out:
    r0 = 1
    exit`;

/** Puts the frames where the program finds them. */
export function storeFrames(counter: SubjectMap, store: SubjectMap, frames: readonly GroFrame[]): void {
  counter.update(0, new Uint8Array(4));
  frames.forEach(({ bytes, meta = 0 }, index) => {
    const value = new Uint8Array(FRAME_VALUE);
    const view = new DataView(value.buffer);
    view.setUint32(LENGTH, bytes.length, true);
    view.setUint32(META, meta, true);
    value.set(bytes, BYTES);
    store.update(index, value);
  });
}

/** Packets that one stands for. */
export function segmentsOf({ bytes, gsoSize, gsoType, csumStart }: GroPacket): number {
  if (gsoSize === 0) return 1;
  const header = gsoType === 5 ? 8 : (bytes[csumStart + 12]! >> 4) * 4;
  return Math.ceil((bytes.length - csumStart - header) / gsoSize);
}
