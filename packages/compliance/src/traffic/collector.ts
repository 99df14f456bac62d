/**
 * A packet handler that keeps a copy of every frame in memory that all threads share, and its reader. One for what the
 * stack receives, one for what devices send.
 *
 * The area's first words are the cursor and the count; then records: length, protocol, packet type, ifindex, bytes.
 * Memory order: a record's place is reserved atomically; it is complete when the count says so. The reader reads when
 * all is quiet.
 */
import { copyMacFrame, NET_DEVICE, type PacketHandlerFactory, readSkBuff } from '@cpumap/skb';
import { NET_RX_DROP, NET_RX_SUCCESS } from '@cpumap/uapi';

const HEAD = 4; // words
const RECORD = 4;
const CURSOR = 0;
const AREA_BYTES = 8 * 1024 * 1024;

interface CollectorOptions {
  readonly area: SharedArrayBuffer;
}

export interface Collected {
  readonly ifindex: number;
  readonly protocol: number;
  readonly packetType: number;
  readonly frame: Uint8Array;
}

export const createArea = (): SharedArrayBuffer => new SharedArrayBuffer(AREA_BYTES);

/** What was collected since the last time. */
export function readArea(area: SharedArrayBuffer): Collected[] {
  const view = new Int32Array(area);
  const bytes = new Uint8Array(area);
  const end = HEAD + Atomics.exchange(view, CURSOR, 0);
  const all: Collected[] = [];
  for (let at = HEAD; at < end; ) {
    const length = view[at]!;
    const start = (at + RECORD) * 4;
    const [protocol, packetType, ifindex] = [view[at + 1]!, view[at + 2]!, view[at + 3]!];
    all.push({ ifindex, protocol, packetType, frame: bytes.slice(start, start + length) });
    at += RECORD + Math.ceil(length / 4);
  }
  return all;
}

export const collector: PacketHandlerFactory = ({ memory, options }) => {
  const { area } = options as CollectorOptions;
  const words = new Int32Array(area);
  const bytes = new Uint8Array(area);
  return {
    receive(pointer) {
      const skb = readSkBuff(memory, pointer);
      const frame = copyMacFrame(memory, pointer);
      const size = RECORD + Math.ceil(frame.length / 4);
      const at = HEAD + Atomics.add(words, CURSOR, size);
      if (at + size > words.length) return NET_RX_DROP;
      words.set([frame.length, skb.protocol, skb.pkt_type, memory.u32[(skb.dev + NET_DEVICE.ifindex) >> 2]!], at);
      bytes.set(frame, (at + RECORD) * 4);
      return NET_RX_SUCCESS;
    },
  };
};
