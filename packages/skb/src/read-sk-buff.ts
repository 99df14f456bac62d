/** Reading an sk_buff, for handlers and tests that do it rarely: objects and copies. */

import type { Memory } from '@cpumap/smp';
import { forEachPiece } from './shared-info.ts';
import { SK_BUFF } from './sk-buff.ts';

/** The fields of one sk_buff by name, for handlers and tests that read rarely. */
export function readSkBuff(
  memory: Memory,
  skb: number,
): Readonly<Record<Exclude<keyof typeof SK_BUFF, 'sizeof'>, number>> {
  const fields = Object.entries(SK_BUFF).filter(([name]) => name !== 'sizeof');
  return Object.fromEntries(fields.map(([name, offset]) => [name, memory.u32[(skb + offset) >> 2]!])) as never;
}

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
