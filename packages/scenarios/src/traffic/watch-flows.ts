/**
 * Counts what each CPU's stack receives of numbered flows, and what comes out of order in its flow. Flow and number are the
 * last bytes of a frame, behind all that an encapsulation puts in front, and no program reads them.
 *
 * Numbers count up in a flow and begin again at 0 with each cycle of the source. A frame is out of order when it is behind
 * the one before it by up to 256 numbers, or a quarter of a shorter cycle; anything else is a gap, of frames that were missed
 * or dropped. (Queues hold less of one flow; a flow that loses nearly a whole cycle in a row could be counted wrong.)
 */
import { type PacketHandlerFactory, SK_BUFF } from '@cpumap/skb';
import { NET_RX_SUCCESS } from '@cpumap/uapi';

export interface WatchFlowsOptions {
  /** Float64 for each CPU, written by that CPU alone: frames, frames out of order. */
  readonly tally: SharedArrayBuffer;
  /** Int32 for each flow: the last number seen, plus one; 0 before the first. */
  readonly flows: SharedArrayBuffer;
  /** Frames of each flow in a cycle. */
  readonly cycle: number;
}

export const TALLY_COLUMNS = 2;
const WINDOW = 256;
/** Bytes of flow and number at the end of a frame. */
export const LABEL_BYTES = 8;

export const watchFlows: PacketHandlerFactory = ({ memory, cpu, options }) => {
  const { tally, flows, cycle } = options as WatchFlowsOptions;
  const counts = new Float64Array(tally);
  const last = new Int32Array(flows);
  const { u8, u32 } = memory;
  const row = cpu * TALLY_COLUMNS;
  const behind = cycle - Math.min(WINDOW, cycle / 4);
  const word = (at: number): number => (u8[at]! << 24) | (u8[at + 1]! << 16) | (u8[at + 2]! << 8) | u8[at + 3]!;
  return {
    receive(skb) {
      const label = u32[(skb + SK_BUFF.tail) >> 2]! - LABEL_BYTES;
      const number = word(label + 4);
      const before = Atomics.exchange(last, word(label), number + 1);
      counts[row]! += 1;
      if (before !== 0) {
        const ahead = (number - (before - 1) + cycle) % cycle;
        if (ahead === 0 || ahead >= behind) counts[row + 1]! += 1;
      }
      return NET_RX_SUCCESS;
    },
  };
};
