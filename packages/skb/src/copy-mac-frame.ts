/** An sk_buff's frame in one piece, for handlers that keep what they saw, and for tests. */
import type { Memory } from '@cpumap/smp';
import { forEachPiece } from './shared-info.ts';
import { SK_BUFF } from './sk-buff.ts';

/** A copy of the whole frame, MAC header and the pieces in other buffers included, as it was received. */
export function copyMacFrame(memory: Memory, skb: number): Uint8Array {
  const { u8, u32 } = memory;
  const s = skb >> 2;
  const start = u32[s + (SK_BUFF.head >> 2)]! + u32[s + (SK_BUFF.mac_header >> 2)]!;
  const tail = u32[s + (SK_BUFF.tail >> 2)]!;
  const dataLen = u32[s + (SK_BUFF.data_len >> 2)]!;
  if (dataLen === 0) return u8.slice(start, tail);
  const frame = new Uint8Array(tail - start + dataLen);
  frame.set(u8.subarray(start, tail));
  let at = tail - start;
  forEachPiece(memory, skb, (data, len) => {
    frame.set(u8.subarray(data, data + len), at);
    at += len;
  });
  return frame;
}
