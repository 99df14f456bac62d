/** Packet handlers that CPUs which are threads can import. They tell what they saw through shared memory. */
import { copyMacFrame } from '@cpumap/skb';

const NET_RX_SUCCESS = 0;
const NET_RX_DROP = 1;
const NUMBER_AT = 42;

/** Words of `tally`: frames by CPU, then three sums. */
export const TALLY = { disordered: 256, damaged: 257, strange: 258, words: 259 };

/**
 * Compares every frame with what was sent, and its number with the one before of the same flow on this CPU. `sent` holds
 * the frames, `stride` bytes apart, number n at n * stride; `flows` of them take turns, over and over.
 */
export const checkFlows = ({ memory, cpu, options }) => {
  const { flows, stride, count } = options;
  const sent = new Uint8Array(options.sent);
  const tally = new Int32Array(options.tally);
  const last = new Map();
  return {
    receive(skb) {
      const frame = copyMacFrame(memory, skb);
      const number = new DataView(frame.buffer).getUint32(NUMBER_AT);
      Atomics.add(tally, cpu, 1);
      if (number >= count) {
        Atomics.add(tally, TALLY.strange, 1);
        return NET_RX_SUCCESS;
      }
      for (let i = 0; i < frame.length; i++) {
        if (frame[i] !== sent[number * stride + i]) {
          Atomics.add(tally, TALLY.damaged, 1);
          break;
        }
      }
      const before = last.get(number % flows);
      // after the last of a flow comes its first again
      if (before !== undefined && number !== (before + flows) % count) Atomics.add(tally, TALLY.disordered, 1);
      last.set(number % flows, number);
      return NET_RX_SUCCESS;
    },
  };
};

export const throwing = () => ({
  receive() {
    throw new RangeError('thrown by a handler');
  },
});

export const refuse = () => ({ receive: () => NET_RX_DROP });
